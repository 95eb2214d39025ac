"""The one JSON form of a study: what it has held once it holds, and every key is documented."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from daemon.cli import main
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.listing import worklist_entries
from daemon.store.worklist import study_detail
from daemon.study_json import VERSION, detail_values, entry_values
from models.bundle.loading import create_untrained
from tests.daemon import store_factory
from tests.factories import make_instance, uid, write_instance

DOCUMENT = Path(__file__).parents[2] / "docs" / "json.md"

# As released with 0.3.0; a script may read any of these.
WORKLIST_KEYS = {
    *("study_instance_uid", "identity", "state", "cause", "reason", "revision", "priority", "category"),
    *("score", "part", "target", "model_label", "trained", "summary", "regions", "view_count"),
    *("warned_view_count", "is_old", "instance_count", "opened_at", "last_instance_at", "closed_at"),
}
ANALYZE_KEYS = {
    *("study", "category", "flagged", "probability", "operating_point", "bundle", "reason", "target"),
    *("parts", "views"),
}
VIEW_KEYS = {
    *("path", "region", "laterality", "projection", "part", "probability", "places", "members"),
    *("input_distance", "input_warning", "age_caution", "reason"),
}
API_KEYS = {
    *("study_instance_uid", "patient_id", "issuer_of_patient_id", "patient_name", "accession_number"),
    *("study_date", "study_description", "priority", "category", "category_is_current", "probability"),
    *("part", "target", "state", "cause", "reason", "summary", "model", "trained", "revision", "regions"),
    *("view_count", "warned_view_count", "is_old", "instance_count", "opened_at", "last_instance_at"),
    *("closed_at", "turn_around_seconds"),
}
INSTANCE_KEYS = {
    *("sop_instance_uid", "sop_class_uid", "received_at", "source", "state", "reason", "exclusion"),
    *("region", "laterality", "projection", "probability", "places", "input_distance", "input_warning"),
    *("age_caution", "members"),
}
COMMON_KEYS = {
    *("version", "study_instance_uid", "category", "probability", "part", "target", "model", "trained"),
    *("reason", "regions", "view_count", "warned_view_count", "instance_count"),
}


@pytest.fixture(scope="module")
def analyzed(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What `analyze --json` says of a picture, of two views and of a file that is neither."""
    folder = tmp_path_factory.mktemp("analyzed")
    bundle = folder / "bundle"
    create_untrained(bundle, ensemble=("mobilenet",), seed=3, name="untrained", version="0.1.0")
    files = folder / "files"
    files.mkdir()
    Image.new("L", (200, 200), 99).save(files / "a.png")
    write_instance(make_instance(study=1, instance=1), files / "b.dcm")
    write_instance(make_instance(study=1, instance=2), files / "c.dcm")
    (files / "d.dcm").write_bytes(b"rubbish")
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("daemon.commands.analyze.print_json", lambda d: said.append(json.dumps(d, default=str)))
        main(["analyze", "--bundle", str(bundle), "--allow-untrained", "--json", str(files)])
    studies: list[dict[str, Any]] = json.loads(said[0])
    return studies


def listed(store: Store, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What `worklist --json` says of the store in a folder."""
    file = folder / "config.toml"
    file.write_text(f'[storage]\ndata_dir = "{folder}"\n')
    assert main(["worklist", "--json", "--config", str(file)]) == 0
    studies: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return studies


def keys_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_in(inner)


def test_analyze_says_what_it_said_before_and_the_form(analyzed: list[dict[str, Any]]):
    for study in analyzed:
        assert study.keys() >= ANALYZE_KEYS | COMMON_KEYS | {"instances"}
        assert study["version"] == VERSION
        for view, instance in zip(study["views"], study["instances"], strict=True):
            assert view.keys() >= VIEW_KEYS
            assert instance.keys() >= INSTANCE_KEYS - {"sop_class_uid", "received_at", "source", "exclusion"}
            assert {m["member"]: m["probability"] for m in instance["members"]} == view["members"]
            assert [instance[key] for key in ("probability", "places", "reason")] == [
                view[key] for key in ("probability", "places", "reason")
            ]
    picture, study, rubbish = analyzed
    assert (picture["study_instance_uid"], study["study_instance_uid"]) == ("", uid(1))
    assert [i["state"] for i in study["instances"]] == ["analyzed", "analyzed"]
    assert [i["state"] for i in (*picture["instances"], *rubbish["instances"])] == ["analyzed", "unreadable"]
    assert {i["engine"] for i in study["instances"]} == {"torch float32"}


def test_worklist_says_what_it_said_before_and_the_form(
    sqlite_only: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    store_factory.delivered_study(sqlite_only, 1)
    store_factory.record(sqlite_only, store_factory.received(2))
    for study in listed(sqlite_only, tmp_path, capsys):
        assert study.keys() >= WORKLIST_KEYS | API_KEYS | COMMON_KEYS
        assert (study["version"], study["priority"]) == (VERSION, 2)
        assert study["category"] in ("suspected", "")
        assert study["score"] == study["probability"]


def test_the_page_for_programs_says_what_it_said_before_and_the_form(sqlite_only: Store):
    store_factory.delivered_study(sqlite_only, 1)
    detail = detail_values(study_detail(sqlite_only, uid(1)))
    (entry,) = map(entry_values, worklist_entries(sqlite_only))
    assert entry.keys() >= API_KEYS | COMMON_KEYS
    assert detail == entry | {key: detail[key] for key in ("instances", "results", "events")}
    assert detail["instances"][0].keys() >= INSTANCE_KEYS
    assert json.loads(json.dumps(detail))["version"] == VERSION


def test_every_key_is_documented(
    sqlite_only: Store,
    spool: Spool,
    analyzed: list[dict[str, Any]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    store_factory.delivered_study(sqlite_only, 1)
    detail = detail_values(study_detail(sqlite_only, uid(1)))
    everything = {*keys_in(detail), *keys_in(listed(sqlite_only, tmp_path, capsys))}
    for study in analyzed:
        study["operating_point"] = None  # in the words of the bundle's manifest
        everything |= set(keys_in(study)) - {"mobilenet"}
    words = DOCUMENT.read_text()
    assert [key for key in sorted(everything - {"views"}) if f"`{key}`" not in words] == []
