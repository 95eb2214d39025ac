"""An export is used only if it is what agreed with torch, on this machine, for this bundle."""

import os
import shutil
from pathlib import Path

import pytest

from models.bundle.loading import load_bundle
from models.bundle.manifest import BundleIdentity, read_identity
from models.engines import exports
from models.engines.exporting import export_bundle, main
from models.engines.exports import Record, open_export
from models.errors import EngineUnusable
from tests.models.fake_engine import plain_views


@pytest.fixture(scope="module")
def exported(pristine_bundle, tmp_path_factory) -> Path:
    """A folder with the export of the bundle of two members, not to be changed."""
    folder: Path = tmp_path_factory.mktemp("exported") / "engines"
    export_bundle(pristine_bundle, folder)
    return folder


@pytest.fixture
def folder(exported, tmp_path) -> Path:
    """The same, to be spoiled."""
    return Path(shutil.copytree(exported, tmp_path / "engines"))


@pytest.fixture(scope="module")
def identity(pristine_bundle) -> BundleIdentity:
    return read_identity(pristine_bundle)


def only(folder: Path, suffix: str) -> Path:
    (found,) = folder.glob(f"*{suffix}")
    return found


def test_an_export_answers_as_the_members_do(exported, identity):
    passes = open_export(exported, identity, threads=1).run(plain_views(0.25, 0.5))

    assert list(passes) == ["first", "second"]
    assert (passes["first"].logit < 0).all()
    assert (passes["second"].logit > 0).all()


def test_embeddings_have_the_length_that_the_reference_is_checked_for(exported, identity, pristine_bundle):
    members = load_bundle(pristine_bundle).members
    lengths = {name: member.head.in_features for name, member in members.items()}

    assert open_export(exported, identity, threads=1).embedding_lengths == lengths


def test_an_export_is_for_this_user_only(exported):
    assert exported.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in exported.iterdir()} == {0o600}


def test_nothing_half_written_is_left(exported):
    assert sorted(path.suffix for path in exported.iterdir()) == [".json", ".network"]


def test_where_there_is_none_it_is_missing(tmp_path, identity):
    with pytest.raises(EngineUnusable, match="no export of the bundle for this machine"):
        open_export(tmp_path / "engines", identity, threads=1)


def test_one_byte_of_the_network_changed_is_seen(folder, identity):
    network = only(folder, ".network")
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)

    with pytest.raises(EngineUnusable, match="damaged"):
        open_export(folder, identity, threads=1)


def test_a_network_that_lost_its_record_or_the_end_of_it_is_no_export(folder, identity):
    record = only(folder, ".json")
    record.write_bytes(record.read_bytes()[:-20])
    with pytest.raises(EngineUnusable, match="no export"):
        open_export(folder, identity, threads=1)

    record.unlink()
    with pytest.raises(EngineUnusable, match="no export"):
        open_export(folder, identity, threads=1)


def test_an_engine_that_no_longer_answers_as_torch_did_is_refused(folder, identity):
    place = only(folder, ".json")
    record = Record.model_validate_json(place.read_bytes())
    shifted = {
        name: answer.model_copy(update={"logit": answer.logit + 0.01})
        for name, answer in record.answers.items()
    }
    place.write_text(record.model_copy(update={"answers": shifted}).model_dump_json())

    with pytest.raises(EngineUnusable, match=r"not torch's.*first"):
        open_export(folder, identity, threads=1)


@pytest.mark.parametrize("what", ["_processor", "library_version"])
def test_what_was_made_for_another_machine_or_library_is_not_taken(monkeypatch, exported, identity, what):
    monkeypatch.setattr(exports, what, lambda: "another")

    with pytest.raises(EngineUnusable, match="no export"):
        open_export(exported, identity, threads=1)


def test_exports_of_bundles_lie_side_by_side_and_the_oldest_go(folder, identity):
    names = [only(folder, ".json").name]
    for number in range(exports._KEPT):
        for age, path in enumerate(sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)):
            os.utime(path, (age, age))
        other = BundleIdentity(
            **{
                field: getattr(identity, field)
                for field in identity.__dataclass_fields__
                if field != "digest"
            },
            digest=str(number) * 64,
        )
        exports.keep_export(folder, other, b"network", {})
        names += [path.name for path in folder.glob("*.json") if path.name not in names]

    assert {path.name for path in folder.glob("*.json")} == set(names[1:])
    assert len(list(folder.glob("*.network"))) == exports._KEPT


def test_the_program_says_why_it_made_none(capsys, tmp_path, pristine_bundle):
    assert main([str(tmp_path / "nothing"), str(tmp_path / "engines")]) == 1
    assert "manifest.toml" in capsys.readouterr().out

    (tmp_path / "file").write_text("")
    assert main([str(pristine_bundle), str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().out
