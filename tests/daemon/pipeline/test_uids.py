"""A result's UID follows from all that shapes its bytes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.pipeline import building
from daemon.pipeline.building import build_results
from daemon.pipeline.kinds.kind import Kind
from daemon.pipeline.kinds.registry import KINDS
from daemon.pipeline.reportable import JudgedStudy, LeftOut, ReportableStudy, ReportableView, judged
from dicom_io.objects.common import to_bytes
from dicom_io.objects.previous_report import PreviousReport
from dicom_io.selection.age import AgeCaution
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.regions import Region
from dicom_io.selection.shown import Shown
from models.bundle.manifest import BundleIdentity, OperatingPoint
from models.finding import ViewReading
from sr_templates.reason import Reason
from tests.daemon.built import Bright
from tests.daemon.store_factory import GEOMETRY, member_findings
from tests.factories import make_instance, uid, write_instance
from tests.sr_templates.builders import bundle

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
BEFORE = PreviousReport(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34",
    sop_instance_uid="1.2.3.4",
    series_instance_uid="1.2.3",
    created_at=NOW,
)
SENSITIVE, SPECIFIC = bundle().operating_points


def view(folder: Path, number: int = 1, *, shown: Shown | None = None) -> ReportableView:
    path = folder / f"{number}.dcm"
    write_instance(make_instance(instance=number), path)
    return ReportableView(
        view_id=uid(1, 1, number),
        path=path,
        shown=shown or Shown(region=Region.WRIST),
        reading=ViewReading(members=member_findings(0.7), engine="torch float32"),
        geometry=GEOMETRY,
    )


def study(folder: Path) -> ReportableStudy:
    return ReportableStudy(views=(view(folder, 1), view(folder, 2)), left_out=(), analyzed_at=NOW)


def judged_by(
    about: ReportableStudy, identity: BundleIdentity | None = None, point: str = "sensitive"
) -> JudgedStudy:
    return judged(about, bundle=identity or bundle(), operating_point=point)


def with_points(*points: OperatingPoint) -> BundleIdentity:
    """Return the same bundle as far as its digest tells, whose thresholds are others."""
    return replace(bundle(), operating_points=points)


def built(about: JudgedStudy, kinds: tuple[Kind, ...] = KINDS) -> dict[str, bytes]:
    """Return the bytes of each result by its UID."""
    results = build_results(about, decoder=Bright(), kinds=kinds).results
    return {str(result.dataset.SOPInstanceUID): to_bytes(result.dataset) for result in results}


def test_equal_input_gives_equal_uids_and_bytes(tmp_path: Path):
    first = built(judged_by(study(tmp_path)))
    assert len(first) == 3
    assert built(judged_by(study(tmp_path))) == first


def other_view(about: ReportableStudy) -> ReportableStudy:
    return replace(about, views=(about.views[0], view(about.views[0].path.parent, 3)))


def other_engine(about: ReportableStudy) -> ReportableStudy:
    one = about.views[0]
    reading = replace(one.reading, engine="openvino float16")
    return replace(about, views=(replace(one, reading=reading), *about.views[1:]))


def left_out(about: ReportableStudy) -> ReportableStudy:
    first, second = about.views
    return replace(
        about,
        views=(first,),
        left_out=(LeftOut(path=second.path, reason=Reason(Exclusion.LOCALIZER), failed=True),),
    )


def younger(about: ReportableStudy) -> ReportableStudy:
    shown = Shown(region=Region.WRIST, age_caution=AgeCaution.YOUNGER, minimum_age_years=18)
    return replace(about, views=(about.views[0], replace(about.views[1], shown=shown)))


@pytest.mark.parametrize(
    "change",
    [
        lambda about: replace(about, views=about.views[:1]),
        other_view,
        other_engine,
        left_out,
        younger,
        lambda about: replace(about, revision=2),
        lambda about: replace(about, revision=1, previous=BEFORE),
        lambda about: replace(about, analyzed_at=NOW + timedelta(seconds=1)),
    ],
    ids=["views", "view", "engine", "left out", "shown", "revision", "previous", "newest"],
)
def test_another_study_gives_every_result_another_uid(
    tmp_path: Path, change: Callable[[ReportableStudy], ReportableStudy]
):
    about = study(tmp_path)
    first, other = built(judged_by(about)), built(judged_by(change(about)))
    assert len(other) >= 2
    assert first.keys().isdisjoint(other)


@pytest.mark.parametrize(
    ("identity", "point"),
    [
        (bundle(digest="e" * 64), "sensitive"),
        (bundle(), "specific"),
        (with_points(SENSITIVE.model_copy(update={"threshold": 0.4}), SPECIFIC), "sensitive"),
        (
            with_points(SENSITIVE.model_copy(update={"name": "early"}), SPECIFIC),
            "early",
        ),
    ],
    ids=["bundle", "operating point", "its threshold", "its name"],
)
def test_another_bundle_or_operating_point_gives_every_result_another_uid(
    tmp_path: Path, identity: BundleIdentity, point: str
):
    about = study(tmp_path)
    assert built(judged_by(about)).keys().isdisjoint(built(judged_by(about, identity, point)))


def test_another_release_gives_every_result_another_uid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    about = judged_by(study(tmp_path))
    first = built(about)
    monkeypatch.setattr(building, "version", lambda name: "99.0")
    assert first.keys().isdisjoint(built(about))


def test_the_settings_of_a_kind_are_in_the_uids_of_its_results_alone(tmp_path: Path):
    about = judged_by(study(tmp_path))
    captures, report = KINDS
    plain = built(about, (captures,)), built(about, (report,))
    both = built(about, (replace(captures, settings="long_side=512"), report))
    assert plain[0].keys().isdisjoint(both)
    assert plain[1].keys() < both.keys()
