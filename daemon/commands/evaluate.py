"""``ulna evaluate``: measure how good a bundle is on labeled radiographs."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from daemon.commands.console import console, error_console, print_json
from daemon.spool import write_whole
from models.bundle.shipped import bundle_folder
from models.datasets.sample import Sample
from models.datasets.source import of_split, read_source
from models.errors import DatasetRefused

if TYPE_CHECKING:  # these load torch, which a misspelt path need not wait for
    from models.evaluation.evaluation import Evaluation
    from models.evaluation.paper_tables import PaperTables
    from models.evaluation.predictions import Predictions

REPORT, DOCUMENT, PREDICTIONS = "report.html", "evaluation.json", "predictions.csv"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "bundle", type=bundle_folder, metavar="BUNDLE", help="a shipped bundle's name, or a bundle's folder"
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="KIND:PATH",
        help="mura:FOLDER for MURA's own folders, csv:FILE for a table of image, label, split, study, region "
        "and optionally patient, stratum, boxes",
    )
    parser.add_argument("--split", default="val", metavar="NAME", help="part of the data (default: val)")
    parser.add_argument(
        "--region", action="append", default=[], metavar="NAME", help="only this region; may be repeated"
    )
    _add_comparisons(parser)
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help=f"write {REPORT}, {DOCUMENT}, {PREDICTIONS}"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace these files where they exist")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument("--batch", type=_count, default=16, metavar="N", help="images at once (default: 16)")
    parser.add_argument(
        "--resamples", type=_count, default=2000, metavar="N", help="of the bootstrap (default: 2000)"
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the bootstrap (default: 0)")
    parser.epilog = (
        "Abnormal is the positive class in every figure, but normal in those of the paper's tables.\n"
        "Intervals are 95 %, resampled by patient, or by study where no patient is known. Images that\n"
        "cannot be read are named, and count in no figure. Not for diagnostic use."
    )


def _add_comparisons(parser: argparse.ArgumentParser) -> None:
    """Add what is measured beside the bundle as it is."""
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME",
        help="measure this variant too: one of the paper's (A to F, ALL, ensemble200), NAME=MEMBER,MEMBER, "
        "or paper for all that are possible; may be repeated",
    )
    parser.add_argument(
        "--paper-tables",
        action="store_true",
        help="also show the paper's tables, and beside them ours by the paper's rule: raw sigmoids, equal "
        "votes, threshold 0.5",
    )
    parser.add_argument(
        "--prevalence",
        action="append",
        type=_share,
        default=[],
        metavar="SHARE",
        help="share of abnormal studies in a worklist, for triage (default: 0.05, 0.15, 0.30)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    predictions: "Predictions"
    evaluation: "Evaluation"
    paper: "PaperTables | None"


def run(options: argparse.Namespace) -> int:
    """Read, predict, measure; print and write what was asked for."""
    if options.output and not options.overwrite:
        _refuse_existing(options.output)
    samples = _chosen(options)
    outcome = _evaluated(options, samples)
    from models.evaluation.document import evaluation_document

    document = evaluation_document(outcome.evaluation, outcome.paper)
    if options.output:
        _write(outcome, document, options.output)
    if options.json:
        print_json(document)
        return 0
    from daemon.commands.evaluation_tables import evaluation_tables

    shown = console()
    for part in evaluation_tables(outcome.evaluation, outcome.paper):
        shown.print(part)
    if options.output:
        console().print(f"written to {options.output}: {REPORT}, {DOCUMENT}, {PREDICTIONS}", markup=False)
    return 0


def _chosen(options: argparse.Namespace) -> tuple[Sample, ...]:
    """Read the samples of the split and the regions asked for."""
    samples = of_split(read_source(options.data), options.split)
    regions = sorted({sample.region for sample in samples})
    unknown = [region for region in options.region if region not in regions]
    if unknown:
        raise DatasetRefused(
            f"the split {options.split!r} has no region {', '.join(unknown)}; it has: {', '.join(regions)}"
        )
    return tuple(sample for sample in samples if not options.region or sample.region in options.region)


def _evaluated(options: argparse.Namespace, samples: tuple[Sample, ...]) -> _Outcome:
    from models.bundle.loading import load_bundle
    from models.datasets.content import content_hashes
    from models.engines.device import choose_device
    from models.evaluation.calibrated_on import calibrated_on
    from models.evaluation.paper_tables import paper_tables
    from models.evaluation.plan import Origin, Plan
    from models.evaluation.predictions import by_the_papers_rule, predict
    from models.evaluation.summary import evaluate
    from models.evaluation.variants import variants_of

    device = choose_device(options.device)
    bundle = load_bundle(options.bundle, device=device)
    plan = Plan(
        variants=variants_of(dict.fromkeys(options.variant), bundle.manifest),
        resamples=options.resamples,
        seed=options.seed,
        **({"prevalences": tuple(options.prevalence)} if options.prevalence else {}),
    )
    with _progress("reading images", len(samples)) as update:
        predictions = predict(
            bundle,
            samples,
            device=device,
            batch=options.batch,
            on_progress=lambda images: update(advance=images),
        )
    origin = Origin(source=options.data, split=options.split)
    contents = content_hashes(sample.image for sample in predictions.samples)
    with _progress("measuring", None) as update:
        evaluation = evaluate(
            predictions,
            bundle=bundle.identity,
            calibrated_on=calibrated_on(bundle.manifest, contents),
            origin=origin,
            plan=plan,
            on_progress=lambda done, total: update(completed=done, total=total),
        )
    members = bundle.manifest.members
    architectures = {member.name: member.architecture for member in members}
    raw = by_the_papers_rule(predictions, members)
    paper = paper_tables(raw, architectures, origin) if options.paper_tables else None
    return _Outcome(predictions=predictions, evaluation=evaluation, paper=paper)


class _Update(Protocol):
    def __call__(
        self, *, advance: float | None = None, completed: float | None = None, total: float | None = None
    ) -> None: ...


@contextmanager
def _progress(words: str, total: int | None) -> Iterator[_Update]:
    """Show on standard error how far a step is, and how long it will take."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=error_console(), transient=True) as progress:
        yield partial(progress.update, progress.add_task(words, total=total))


def _refuse_existing(folder: Path) -> None:
    existing = [name for name in (REPORT, DOCUMENT, PREDICTIONS) if (folder / name).exists()]
    if existing:
        raise FileExistsError(
            f"{folder} holds {', '.join(existing)} already; name another folder, or add --overwrite"
        )


def _write(outcome: _Outcome, document: dict[str, object], folder: Path) -> None:
    from models.evaluation.prediction_table import prediction_table
    from models.evaluation.report_html import report_html

    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    for name, content in (
        (PREDICTIONS, prediction_table(outcome.predictions)),
        (DOCUMENT, text + "\n"),
        (REPORT, report_html(outcome.evaluation, outcome.paper)),
    ):
        write_whole(folder / name, content.encode())


def _share(word: str) -> float:
    share = float(word)
    if not 0.0 < share < 1.0:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 1, not {word}")
    return share


def _count(word: str) -> int:
    count = int(word)
    if count < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {word}")
    return count


def _seed(word: str) -> int:
    seed = int(word)
    if seed < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, not {word}")
    return seed
