"""Compare the ways to fold the views of a study, on studies of a data set and on studies put together.

    .venv/bin/python benchmarks/folds.py ensemble200-fracatlas --data csv:fracatlas.csv

For each fold: AUROC, and the share of abnormal studies that are flagged where 30 and 40 % of all are, and the
difference of both from the highest view's, with 95 % intervals resampled by patient. Then the same shares on
studies made of single images of the data: abnormal on one view alone of two, three and four, or on all of
three; of these there are as many as are asked for, so they have no intervals.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from sklearn.metrics import roc_auc_score

from models.bundle.loading import load_bundle
from models.bundle.shipped import bundle_folder
from models.datasets.source import of_split, read_source
from models.engines.device import choose_device
from models.evaluation.bootstrap import bootstrap_interval
from models.evaluation.cases import Cases, Level
from models.evaluation.predictions import Predictions, predict
from models.fold import Fold

FLAGGED = (0.3, 0.4)  # shares of all studies
PREVALENCE = 0.2  # of the studies that are put together
KINDS = ((2, 1), (3, 1), (4, 1), (3, 3))  # views, and on how many of them the abnormality shows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Measure = Callable[[Bools, Floats], float | None]


def auroc(labels: Bools, scores: Floats) -> float | None:
    return None if labels.all() or not labels.any() else float(roc_auc_score(labels, scores))


def found_at(share: float) -> Measure:
    """Measure the share of abnormal studies among the highest scores, of which so many are flagged."""

    def found(labels: Bools, scores: Floats) -> float | None:
        threshold = np.quantile(scores, 1.0 - share)
        return float((scores[labels] >= threshold).mean()) if labels.any() else None

    return found


MEASURES: dict[str, Measure] = {"AUROC": auroc} | {
    f"found at {share:.0%} flagged": found_at(share) for share in FLAGGED
}


def with_interval(measure: Measure, labels: Bools, scores: Floats, clusters: Sequence[str]) -> str:
    interval = bootstrap_interval(lambda drawn: measure(labels[drawn], scores[drawn]), clusters, seed=0)
    value = measure(labels, scores)
    return (
        "-"
        if value is None or interval is None
        else f"{value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
    )


def difference(measure: Measure, labels: Bools, pair: tuple[Floats, Floats], clusters: Sequence[str]) -> str:
    def paired(drawn: NDArray[np.intp]) -> float | None:
        one, other = (measure(labels[drawn], scores[drawn]) for scores in pair)
        return None if one is None or other is None else one - other

    interval = bootstrap_interval(paired, clusters, seed=0)
    value = paired(np.arange(labels.size))
    return (
        "-"
        if value is None or interval is None
        else f"{value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"
    )


def on_studies(predictions: Predictions) -> None:
    scores = predictions.scores(predictions.members)
    folded = {fold: Cases.of(predictions.samples, Level.STUDY, fold) for fold in Fold}
    cases = folded[Fold.HIGHEST]
    several = np.bincount(cases.case_of) > 1
    for title, chosen in (("all studies", np.ones(len(cases), bool)), ("of two views or more", several)):
        labels, clusters = (
            cases.labels[chosen],
            [c for c, take in zip(cases.clusters, chosen, strict=True) if take],
        )
        print(f"\n{title}: {labels.size}, {labels.sum()} abnormal")
        highest = cases.scores(scores)[chosen]
        for fold, of_fold in folded.items():
            ours = of_fold.scores(scores)[chosen]
            figures = [with_interval(measure, labels, ours, clusters) for measure in MEASURES.values()]
            print(f"  {fold:12}", " | ".join(figures))
            if fold is not Fold.HIGHEST:
                apart = [difference(m, labels, (ours, highest), clusters) for m in MEASURES.values()]
                print("     - highest ", " | ".join(apart))


def put_together(predictions: Predictions, studies: int) -> None:
    scores, labels = predictions.scores(predictions.members), predictions.labels
    generator = np.random.default_rng(0)
    for views, visible in KINDS:
        abnormal = generator.random(studies) < PREVALENCE
        drawn = generator.choice(scores[~labels], (studies, views))
        shown = generator.choice(scores[labels], (studies, visible))
        drawn[abnormal, :visible] = shown[abnormal]
        print(f"\n{views} views, abnormal on {visible}: {studies} studies, {abnormal.sum()} abnormal")
        for fold in Fold:
            ours = np.array([fold.of(row) for row in drawn.tolist()])
            print(
                f"  {fold:12}", " | ".join(f"{measure(abnormal, ours):.3f}" for measure in MEASURES.values())
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle", type=bundle_folder)
    parser.add_argument("--data", required=True, metavar="KIND:PATH", help="as for ulna evaluate")
    parser.add_argument("--split", default="val")
    parser.add_argument("--studies", type=int, default=4000, metavar="N", help="put together of each kind")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = choose_device(options.device)
    samples = of_split(read_source(options.data), options.split)
    with Progress() as progress:
        task = progress.add_task("reading images", total=len(samples))
        bundle = load_bundle(Path(options.bundle), device=device)
        predictions = predict(
            bundle, samples, device=device, on_progress=lambda images: progress.advance(task, images)
        )
    print(f"{bundle.identity.label}; columns: {', '.join(MEASURES)}")
    on_studies(predictions)
    put_together(predictions, options.studies)


if __name__ == "__main__":
    main()
