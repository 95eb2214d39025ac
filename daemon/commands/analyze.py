"""``ulna analyze``: analyze files without a daemon."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from rich.progress import track
from rich.table import Table

from daemon.app import product
from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console, error_console, print_json
from daemon.commands.files import files_below, names_apart, present
from daemon.config.sections import Analysis, Storage
from daemon.pipeline.file_study import AnalyzedFile, FileStudy
from daemon.pipeline.gathering import studies_of
from daemon.spool import write_whole
from daemon.store.places import place_values
from daemon.store.study_reason import PATIENT_MISMATCH
from daemon.study_json import file_study_values
from dicom_io.decoding.decoder import Decoder
from dicom_io.objects.common import to_bytes
from models.bundle.shipped import bundle_folder
from models.claims import NOT_LOOKED_FOR
from models.finding import ViewFinding
from models.picture import READER
from models.rendering.view_page import render_page
from models.rendering.words import Caption
from models.study_finding import PartFinding
from sr_templates.reason import clause

if TYPE_CHECKING:  # these load torch, which takes seconds that `--help` and a misspelt path need not wait for
    from models.ensemble import Ensemble


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="DICOM, PNG or JPEG files, or folders of them"
    )
    parser.add_argument(
        "--bundle", type=bundle_folder, metavar="BUNDLE", help="name or folder (default: analysis.bundle)"
    )
    parser.add_argument(
        "--allow-untrained",
        action="store_true",
        help="accept a bundle of random weights; its numbers mean nothing",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of a table")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="also write overlays (PNG), and for DICOM files the Secondary Captures and Structured Reports",
    )
    parser.epilog = (
        "DICOM files are gathered into studies by their Study Instance UID; each picture is a study of its\n"
        "own. Exit status 1 when a file could not be analyzed, or a path does not exist; the others are\n"
        "analyzed all the same. Overlays are named by their files, and by folders too where two files are\n"
        "named alike. Not for diagnostic use."
    )


def run(options: argparse.Namespace) -> int:
    """Analyze, print, and write what was asked for."""
    config = config_of(options)
    analysis = config.analysis.model_copy(
        update={
            key: value
            for key, value in (
                ("bundle", options.bundle),
                ("allow_untrained", options.allow_untrained or None),
            )
            if value is not None
        }
    )
    paths = present(options.paths)
    files = list(files_below(paths))
    from daemon.pipeline.files import analyze_file

    with Decoder(picture_reader=READER) as decoder:
        ensemble = _ensemble(analysis, config.storage)
        found = [
            analyze_file(
                file, decoder, ensemble, operating_point=analysis.operating_point, study=config.study
            )
            for file in track(files, description="analyzing", console=error_console(), transient=True)
        ]
        studies = studies_of(found, ensemble.identity, operating_point=analysis.operating_point)
        if options.output:
            _write(studies, decoder, options.output)
    if options.json:
        print_json([_document(study) for study in studies])
    else:
        _print_table(studies, ensemble)
    analyzed = all(file.view for file in found) and all(study.judged for study in studies)
    return 0 if paths == options.paths and found and analyzed else 1


def _ensemble(analysis: Analysis, storage: Storage) -> "Ensemble":
    from daemon.pipeline.serving import deploy_configured

    # The data directory is the daemon's: its export is used where there is one.
    deployed = deploy_configured(analysis, storage, make_export=False)
    if deployed.notice and analysis.engine != "auto":
        error_console().print(deployed.notice, markup=False)
    return deployed.ensemble


def _document(study: FileStudy) -> dict[str, Any]:
    finding = study.finding
    return {
        "study": study.study,
        **file_study_values(study),
        "flagged": None if finding is None else finding.flagged,
        "operating_point": None if finding is None else finding.operating_point.model_dump(),
        "bundle": None if finding is None else finding.bundle.label,
        "parts": [] if finding is None else [_part_document(part) for part in finding.parts],
        "views": [_view_document(file, study.finding_of(file)) for file in study.files],
    }


def _part_document(part: PartFinding) -> dict[str, Any]:
    return {
        "part": part.part,
        "category": part.category,
        "probability": part.score,
        "views": len(part.views),
    }


def _view_document(file: AnalyzedFile, finding: ViewFinding | None) -> dict[str, Any]:
    shown = file.shown if file.sop_instance_uid else None
    check = None if finding is None else finding.input_check
    return {
        "path": file.path,
        "region": (shown.region or "") if shown else "",
        "laterality": shown.laterality if shown else "",
        "projection": shown.projection if shown else "",
        "part": "" if finding is None else finding.part,
        "probability": None if finding is None else finding.probability,
        "places": [] if finding is None else [place_values(place) for place in finding.places],
        "members": {member.member: member.probability for member in finding.members} if finding else {},
        "input_distance": None if check is None else check.distance,
        "input_warning": (check.warning or "") if check else "",
        "age_caution": (shown.age_caution or "") if shown else "",
        "reason": clause(file.reason),
    }


def _print_table(studies: list[FileStudy], ensemble: "Ensemble") -> None:
    members = ensemble.identity.members
    table = Table(
        "file", "region", ensemble.identity.target.quantity, *members, "study", caption=_caption(ensemble)
    )
    for study in studies:
        verdict = "not analyzed" if study.judged else f"not analyzed ({PATIENT_MISMATCH})"
        if study.finding is not None:
            verdict = f"{study.finding.category} ({study.finding.score:.3f})"
        for file in study.files:
            numbers, ensemble_text = [""] * len(members), clause(file.reason)
            if (finding := study.finding_of(file)) is not None:
                numbers = [f"{member.probability:.3f}" for member in finding.members]
                ensemble_text = f"{finding.probability:.3f}"
            table.add_row(file.path.name, file.shown.region or "", ensemble_text, *numbers, verdict)
    console().print(table if studies else "no file to analyze")
    for study in studies:
        _print_cautions(study)


def _print_cautions(study: FileStudy) -> None:
    if study.age_caution:
        console().print(f"study {study.study}: {study.age_caution}", markup=False)
    for file in study.files:
        finding = study.finding_of(file)
        if finding is not None and finding.warning is not None:
            console().print(f"{file.path.name}: {finding.warning.sentence}", markup=False)


def _caption(ensemble: "Ensemble") -> str:
    return f"{ensemble.identity.label}; {NOT_LOOKED_FOR}; not for diagnostic use"


def _write(studies: list[FileStudy], decoder: Decoder, folder: Path) -> None:
    from daemon.pipeline.files import results_of

    folder.mkdir(parents=True, exist_ok=True)
    names = names_apart(file.path for study in studies for file in study.files)
    overlays = {file: folder / f"{name}-overlay.png" for file, name in names.items()}
    for study in studies:
        _write_pages(study, decoder, overlays)
        results = results_of(study, decoder)
        if results is not None:
            for ds in (result.dataset for result in results.results):
                write_whole(folder / f"{ds.Modality}-{ds.SOPInstanceUID}.dcm", to_bytes(ds))


def _write_pages(study: FileStudy, decoder: Decoder, overlays: Mapping[Path, Path]) -> None:
    from daemon.pipeline.files import read_image

    if study.finding is None:
        return
    analyzed = [file for file in study.files if file.view]
    for number, (file, finding) in enumerate(zip(analyzed, study.finding.views, strict=True), start=1):
        caption = Caption(
            product=product(),
            view=f"View {number} of {len(analyzed)}",
            study=study.finding,
            caution=study.age_caution,
        )
        read = read_image(file, decoder)
        preprocessing = study.finding.bundle.preprocessing
        page = render_page(read.image, finding, caption, preprocessing, read.pixel_aspect)
        Image.fromarray(page).save(overlays[file.path])
