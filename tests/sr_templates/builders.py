"""Reports for tests: three views of a left wrist unless told otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from pydicom.dataset import Dataset

from dicom_io.objects.inheritance import sanitized_source
from dicom_io.objects.previous_report import PreviousReport
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.parts import parts_of
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region
from dicom_io.selection.shown import Shown
from models.bundle.manifest import BundleIdentity, OperatingPoint, Preprocessing
from models.bundle.targets import FRACTURE
from models.finding import MemberFinding, ViewFinding
from models.fold import Fold
from models.reference.drift import InputCheck, InputWarning
from models.study_finding import study_finding
from sr_templates.content import AnalyzedView, ReportContent, SetAside
from sr_templates.reason import Reason, Withheld
from tests.factories import encode, make_instance

ANALYZED_AT = datetime(2025, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
PROJECTIONS = (Projection.FRONTAL, Projection.LATERAL, Projection.OBLIQUE)


def why(words: str) -> Reason:
    """Return a reason why an instance is not in use, in words of its own."""
    return Reason.because(Withheld.TOLD, words=words)


def source(instance: int = 1, **elements) -> Dataset:
    """Return the sanitized header of an instance of study 1."""
    return sanitized_source(encode(make_instance(instance=instance, rows=8, columns=8, **elements)))[0]


def bundle(*, trained: bool = False, digest: str = "0123456789abcdef" * 4) -> BundleIdentity:
    return BundleIdentity(
        name="ensemble200" if trained else "ensemble200-untrained",
        version="0.1.0",
        digest=digest,
        trained=trained,
        intended_use="Research",
        target=FRACTURE,
        fold=Fold.MEAN,
        preprocessing=Preprocessing(),
        members=("densenet201", "mobilenet"),
        operating_points=(
            OperatingPoint(name="sensitive", threshold=0.5, data="none"),
            OperatingPoint(name="specific", threshold=0.9, data="none"),
        ),
    )


def view_finding(source_: Dataset, probability: float) -> ViewFinding:
    """Return a finding whose two members mean to `probability`, exactly."""
    spread = min(0.0625, probability, 1 - probability)
    return ViewFinding(
        view_id=str(source_["SOPInstanceUID"].value),
        members=tuple(
            MemberFinding(
                member=name,
                logit=0.0,
                probability=probability + sign * spread,
                activation=np.zeros((2, 2), np.float32),
            )
            for name, sign in (("densenet201", -1), ("mobilenet", 1))
        ),
    )


def analyzed(
    source_: Dataset,
    probability: float = 0.87,
    *,
    region: Region | None = Region.WRIST,
    laterality: Laterality = Laterality.LEFT,
    laterality_conflict: str = "",
    projection: Projection = Projection.FRONTAL,
    warning: InputWarning | None = None,
) -> AnalyzedView:
    check = InputCheck(distance=0.5 if warning is None else 1.5, warning=warning)
    return AnalyzedView(
        source=source_,
        finding=replace(view_finding(source_, probability), input_check=check),
        shown=Shown(
            region=region,
            laterality=laterality,
            laterality_conflict=laterality_conflict,
            projection=projection,
        ),
    )


def three_views(probability: float = 0.87, **elements) -> tuple[AnalyzedView, ...]:
    return tuple(
        analyzed(source(number, **elements), probability, projection=projection)
        for number, projection in enumerate(PROJECTIONS, start=1)
    )


def report_content(
    views: Sequence[AnalyzedView] | None = None,
    *,
    set_aside: Sequence[SetAside] = (),
    identity: BundleIdentity | None = None,
    revision: int = 1,
    analyzed_at: datetime = ANALYZED_AT,
    previous: PreviousReport | None = None,
) -> ReportContent:
    """Return the content of a report; without `views`, of three views at P(abnormal) 0.87."""
    views = three_views() if views is None else views
    identity = identity or bundle()
    finding = None
    if views:
        parts = parts_of([view.shown.part for view in views])
        found = [replace(view.finding, part=part.name) for view, part in zip(views, parts, strict=True)]
        finding = study_finding(found, bundle=identity, operating_point="sensitive")
        views = [replace(view, finding=each) for view, each in zip(views, found, strict=True)]
    return ReportContent(
        analyzed=tuple(views),
        set_aside=tuple(set_aside),
        finding=finding,
        bundle=identity,
        operating_point=identity.operating_point("sensitive"),
        revision=revision,
        software_version="0.1.0",
        analyzed_at=analyzed_at,
        engine="torch float32" if views else "",
        previous=previous,
    )
