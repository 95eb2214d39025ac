"""``ulna explain``: what ulna reads from headers, and why."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.commands.arguments import add_config, config_of
from daemon.commands.console import console, print_json
from daemon.commands.files import files_below, present
from daemon.config.sections import Study
from dicom_io.errors import UnusableInstance
from dicom_io.reading.instance import read_header
from dicom_io.selection.age import AgeCaution, ages_of
from dicom_io.selection.explanation import Explanation, SourceExplanation, explain
from sr_templates.reason import Reason, sentence

_AGES: Mapping[AgeCaution, str] = {
    AgeCaution.YOUNGER: "the patient is younger than study.minimum_age_years",
    AgeCaution.UNKNOWN: "the patient's age is not known, and study.minimum_age_years asks for it",
}
_SAID = ("region", "laterality", "projection", "exclusion")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_config(parser)
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="DICOM files, or folders of them")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    parser.epilog = (
        "Says for each file which part, side and projection it shows, which text or code of its header said\n"
        "what, and which one decided. It prints words of the headers, which may be a patient's, here and\n"
        "nowhere else. [study] vocabulary adds words to the table that is used. Exit status 1 when a file\n"
        "could not be read, or a path does not exist; the others are explained all the same."
    )


def run(options: argparse.Namespace) -> int:
    """Explain each file, and print."""
    study = config_of(options).study
    studies: dict[str, list[dict[str, Any]]] = {}
    is_readable = []
    paths = present(options.paths)
    for path in files_below(paths):
        study_instance_uid, view = _view(path, study)
        is_readable.append(bool(study_instance_uid))
        studies.setdefault(study_instance_uid or str(path), []).append(view)
    if options.json:
        print_json([{"study": name, "views": views} for name, views in studies.items()])
    else:
        for view in (view for views in studies.values() for view in views):
            _print(view)
    return 0 if paths == options.paths and is_readable and all(is_readable) else 1


def _view(path: Path, study: Study) -> tuple[str, dict[str, Any]]:
    """Return the Study Instance UID, empty where the file cannot be read, and what is told of the view."""
    try:
        header = read_header(path, fallback_character_set=study.fallback_character_set)
    except UnusableInstance as error:
        return "", _unreadable(path, str(error))
    except OSError as error:
        return "", _unreadable(path, f"the file cannot be read: {error.strerror}")
    today = datetime.now(UTC).astimezone().date()
    found = explain(
        header,
        unknown_region=study.unknown_region,
        words=study.words,
        ages=ages_of(header, study.age_rule, received_on=today),
    )
    return header.study_instance_uid, _document(path, found)


def _unreadable(path: Path, reason: str) -> dict[str, Any]:
    empty = dict.fromkeys(("region", "laterality", "projection"), "")
    ages: dict[str, Any] = {"age_caution": "", "is_old": False}
    return {"path": path, **empty, **ages, "reason": reason, "why": {}, "sources": []}


def _document(path: Path, found: Explanation) -> dict[str, Any]:
    eligibility, exclusion = found.eligibility, found.eligibility.exclusion
    return {
        "path": path,
        "region": eligibility.region or "",
        "laterality": eligibility.laterality,
        "projection": eligibility.projection,
        "age_caution": eligibility.ages.caution or "",
        "is_old": eligibility.ages.is_old,
        "reason": sentence(None if exclusion is None else Reason(exclusion, eligibility.details)),
        "why": found.why,
        "sources": [_source_document(source) for source in found.sources],
    }


def _source_document(source: SourceExplanation) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(source).items()}


def _print(view: dict[str, Any]) -> None:
    shown = " ".join(str(view[key]) for key in ("region", "laterality", "projection") if view[key])
    out = console()
    out.print(f"{view['path']}: {shown or 'unreadable'}", markup=False)
    if view["reason"]:
        out.print(f"  not analyzed: {view['reason']}", markup=False)
    if view["age_caution"]:
        out.print(f"  age: {_AGES[view['age_caution']]}", markup=False)
    if view["is_old"]:
        out.print("  old study: it came later than study.max_age_days allows", markup=False)
    for name, told in view["why"].items():
        out.print(f"  {name}: {told}", markup=False)
    for source in view["sources"]:
        said = [f"{name} {'/'.join(source[name])}" for name in _SAID if source[name]]
        out.print(f"    {source['keyword']} {source['text']!r}: {', '.join(said) or 'nothing'}", markup=False)
