"""The documents name and explain all that the product has."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.routing import Route

from daemon import cli
from daemon.config.configuration import Config
from daemon.config.sections import Analysis, Destination, Study
from daemon.couriers.registry import COURIERS
from daemon.couriers.remark import NOTE_WORDS, Note
from daemon.predictor.messages import WorkerSetting
from daemon.predictor.predictor import Predictor
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.store.result_kind import ResultKind
from daemon.store.selection import Period
from daemon.store.shown import Refusal, Standing
from daemon.study.closing import Closing
from daemon.study.lifecycle import (
    DeliveryEvent,
    DeliveryState,
    InstanceEvent,
    InstanceState,
    StudyEnd,
    StudyEvent,
    StudyState,
)
from daemon.study.priority import Priority
from daemon.web.attention import NeedKind
from daemon.web.stated import stated_bundle
from dicom_io.defects import DEFECT_WORDS, Defect
from dicom_io.faults import FAULT_WORDS, Fault
from dicom_io.network.store_status import StoreStatus
from dicom_io.selection.age import AgeCaution
from dicom_io.selection.exclusion import Exclusion
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder
from models.reference.drift import InputWarning
from sr_templates.reason import CLAUSES, Withheld
from tests.daemon import store_factory
from tests.daemon.web.client import get, make_app
from tests.documents import PARSERS, ROOT, options_of, rows, section
from tests.factories import uid

REFERENCE = (ROOT / "docs/reference.md").read_text()
CONTRACT = (ROOT / "docs/contract.md").read_text()
ALL_OPTIONS = "all that `--help` names"


VOCABULARIES: dict[str, Iterable[str]] = {
    "Study states": StudyState,
    "Causes of a study's state": StudyEvent,
    "Ends of a study": StudyEnd,
    "Why a study closes": Closing,
    "Instance states": InstanceState,
    "Causes of an instance's state": InstanceEvent,
    "Exclusions": Exclusion,
    "Why a view is withheld": Withheld,
    "Defects": Defect,
    "Remarks on a delivery": Note,
    "Faults of a peer": Fault,
    "Delivery states": DeliveryState,
    "Causes of a delivery's state": DeliveryEvent,
    "Categories": Standing,
    "Priorities": Priority.__members__,
    "Periods of the worklist": Period,
    "Warnings of a view": InputWarning,
    "Cautions about age": AgeCaution,
    "Kinds of destinations": COURIERS,
    "Kinds of results": ResultKind,
    "Stages": StageName,
    "Needs of a person": NeedKind,
    "Causes of a refusal": Refusal,
    "Answers to a sender": [f"{status:04X}" for status in StoreStatus],
}


NOT_OF_THE_SERVICE = [
    *("Coding", "Fate", "Level", "Line", "VoiFunction", "Verdict"),  # inside
    *("Fold", "Overlap", "SubsetKind"),  # of bundles and their evaluation
    *("Laterality", "Projection", "Region"),  # of DICOM
    "TriageCategory",  # a part of Standing
]


@pytest.mark.parametrize("heading", VOCABULARIES)
def test_every_word_for_a_state_or_reason_is_explained(heading: str) -> None:
    explained = rows(REFERENCE, heading)
    assert sorted(explained) == sorted(VOCABULARIES[heading])
    assert all(len(cells) == 2 and all(cells) for cells in explained.values())


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Why a view is withheld", CLAUSES),
        ("Defects", DEFECT_WORDS),
        ("Remarks on a delivery", NOTE_WORDS),
        ("Faults of a peer", FAULT_WORDS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_codes_stand_beside_the_words_that_people_read(heading: str, words: Mapping[str, str]) -> None:
    for code, (said, _) in rows(REFERENCE, heading).items():
        assert said == re.sub(r"\{(\w+):[^}]*\}", r"{\1}", words[code]), code


def test_every_vocabulary_is_explained_or_known_to_stay_inside() -> None:
    packages = [
        file
        for room in ("daemon", "dicom_io", "models", "sr_templates")
        for file in (ROOT / room).rglob("*.py")
    ]
    found = {
        name
        for file in packages
        for name in re.findall(r"^class (\w+)\(StrEnum\)", file.read_text(), re.MULTILINE)
    }
    explained = {kind.__name__ for kind in VOCABULARIES.values() if isinstance(kind, type)}
    assert sorted(found - explained) == sorted(NOT_OF_THE_SERVICE)


def test_every_metric_is_explained(tmp_path: Path) -> None:
    store = store_factory.sqlite_store(tmp_path)
    text = get(make_app(store, Spool(tmp_path)), "/metrics").text
    store.close()
    assert sorted(rows(REFERENCE, "Metrics")) == sorted(re.findall(r"^# TYPE (\w+)", text, re.MULTILINE))


def test_every_path_of_the_page_is_in_the_contract(tmp_path: Path) -> None:
    store = store_factory.sqlite_store(tmp_path)
    bundle = bundle_folder(DEFAULT_BUNDLE)
    stated = stated_bundle(bundle, "sensitive")
    setting = WorkerSetting.of(Analysis(bundle=bundle), Study())
    with closing(Predictor(setting, stated.identity)) as predictor:
        app = make_app(store, Spool(tmp_path), bundle=stated, predictor=predictor)
    store.close()
    paths = [route.path for route in app.routes if isinstance(route, Route)]
    assert sorted(rows(CONTRACT, "HTTP")) == sorted(paths)


def test_every_field_of_the_api_is_in_the_contract(tmp_path: Path) -> None:
    store = store_factory.sqlite_store(tmp_path)
    store_factory.delivered_study(store, 1)
    app = make_app(store, Spool(tmp_path))
    documents = [get(app, path).json() for path in ("/api/studies", f"/api/studies/{uid(1)}")]
    store.close()
    told = set(re.findall("`([a-z_]+)`", section(CONTRACT, "JSON")))
    assert {field for document in documents for field in fields(document)} <= told


def fields(document: Any) -> Iterator[str]:
    """Yield the names of all fields; the counts have values of a vocabulary for names."""
    for value in document if isinstance(document, list) else []:
        yield from fields(value)
    for name, value in document.items() if isinstance(document, dict) else []:
        yield name
        yield from fields(value) if name not in ("categories", "states") else ()


def test_every_setting_is_in_the_contract() -> None:
    sections: dict[str, type[BaseModel]] = {
        f"[{name}]": field.annotation
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type)
    }
    sections["[[destinations]]"] = Destination
    assert len(sections) == len(Config.model_fields)
    told = {
        name: re.findall("`([a-z_]+)`", cells[0]) for name, cells in rows(CONTRACT, "Configuration").items()
    }
    assert told == {name: list(model.model_fields) for name, model in sections.items()}


def test_every_command_is_in_the_readme() -> None:
    named = {words.split()[1] for words in rows((ROOT / "README.md").read_text(), "Commands")}
    assert named == set(cli.COMMANDS)


def test_every_command_and_option_is_in_the_contract() -> None:
    told = {words: cells[0] for words, cells in rows(CONTRACT, "Commands").items()}
    assert sorted(told) == sorted(PARSERS)
    for words, options in told.items():
        if options != ALL_OPTIONS:
            assert sorted(re.findall("--[a-z-]+", options)) == sorted(options_of(PARSERS[words])), words
