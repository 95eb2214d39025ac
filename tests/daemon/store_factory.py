"""Small histories for a store: instances that arrive, are analyzed, reported and sent.

Studies and instances go by small numbers; the same numbers are the same UIDs. Nothing reads a clock.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.uid import (
    Comprehensive3DSRStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)
from sqlalchemy import select

from daemon.couriers.remark import Note, Remark
from daemon.store import deliveries, instances, studies, tables, views
from daemon.store.database import Store, open_store
from daemon.store.location import database_url
from daemon.store.result_kind import ResultKind
from daemon.store.values import (
    ClaimedDelivery,
    ClaimedStudy,
    NewResult,
    OpenStudy,
    ReceivedInstance,
    Report,
    StudyIdentity,
)
from daemon.study.lifecycle import InstanceState
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.projection import Projection
from dicom_io.selection.regions import Region
from dicom_io.uids import derived_uid
from models.finding import MemberFinding, ViewGeometry, ViewReading
from models.reference.drift import InputCheck
from models.study_finding import TriageCategory
from sr_templates.reason import Reason, Withheld
from tests.factories import uid

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)

ANALYZER = "testhost/analyzer"
REPORTER = "testhost/reporter"
SENDER = "testhost/sender"

DIGEST = "d" * 64  # of the bundle that analyzes, unless told otherwise
GEOMETRY = ViewGeometry(rows=400, columns=320)
PACS = "pacs"  # destination of every result, unless told otherwise


def said(words: str) -> Remark:
    """Return a remark on a delivery, in words of its own."""
    return Remark.that(Note.TOLD, words=words)


def why(words: str) -> Reason:
    """Return a reason why an instance is not in use, in words of its own."""
    return Reason.because(Withheld.TOLD, words=words)


def after(seconds: float) -> datetime:
    """Return the moment that many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def sqlite_store(folder: Path) -> Store:
    """Open a new SQLite store in a folder; close it when done."""
    return open_store(database_url("", folder))


def received(study: int = 1, instance: int = 1, *, content: str = "", **changes: Any) -> ReceivedInstance:
    """Return a frontal wrist view, ready to be recorded.

    Parameters
    ----------
    content
        Stands for the bytes: same UID and another content is a conflicting duplicate.
    **changes
        Fields of ReceivedInstance that differ.
    """
    sop_instance_uid = uid(study, 1, instance)
    sha256 = hashlib.sha256(f"{sop_instance_uid}{content}".encode()).hexdigest()
    usual = ReceivedInstance(
        study_instance_uid=uid(study),
        series_instance_uid=uid(study, 1),
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=DigitalXRayImageStorageForPresentation,
        identity=identity(study),
        sha256=sha256,
        path=f"spool/{sha256[:2]}/{sha256}.dcm",
        size_bytes=100_000,
        source="MODALITY@127.0.0.1",
        association_id="association-1",
        priority=2,
        state=InstanceState.RECEIVED,
        reason=None,
        region=Region.WRIST,
        laterality=Laterality.RIGHT,
        laterality_conflict="",
        projection=Projection.FRONTAL,
    )
    return replace(usual, **changes)


def excluded(study: int = 1, instance: int = 1, **changes: Any) -> ReceivedInstance:
    """Return a chest image: recorded, but no view."""
    usual: dict[str, Any] = {
        "state": InstanceState.EXCLUDED,
        "reason": Reason(Exclusion.REGION_OTHER),
        "region": "",
        "laterality": "",
        "projection": Projection.UNKNOWN,
    }
    return received(study, instance, **(usual | changes))


def unreadable(study: int = 1, instance: int = 1, **changes: Any) -> ReceivedInstance:
    """Return a view without pixel data."""
    usual: dict[str, Any] = {"state": InstanceState.UNREADABLE, "reason": Reason(Exclusion.NO_PIXEL_DATA)}
    return received(study, instance, **(usual | changes))


def identity(study: int = 1, **changes: str) -> StudyIdentity:
    """Return a synthetic patient and study."""
    usual = StudyIdentity(
        patient_id=f"TEST-{study}",
        issuer_of_patient_id="",
        patient_name="Testcase^Wrist",
        accession_number=f"A{study}",
        study_date="20260301",
        study_description="XR wrist right",
    )
    return replace(usual, **changes)


def member_findings(probability: float = 0.5) -> tuple[MemberFinding, ...]:
    """Return what two members say: both the probability given, each with a map of its own."""
    logit = math.log(probability / (1.0 - probability))
    pattern = np.linspace(-1.0, 1.0, 49, dtype=np.float32).reshape(7, 7)
    return tuple(
        MemberFinding(
            member=name, logit=logit, probability=probability, activation=pattern + np.float32(logit)
        )
        for name in ("densenet201", "mobilenet")
    )


def record(store: Store, *arrivals: ReceivedInstance, now: datetime = NOW) -> None:
    """Record instances."""
    for arrival in arrivals:
        instances.record_instance(store, arrival, now=now)


def analyze_all(
    store: Store,
    *,
    probability: float = 0.5,
    bundle_digest: str = DIGEST,
    input_check: InputCheck | None = None,
    now: datetime = NOW,
) -> None:
    """Analyze every view that waits, in all studies."""
    reading = ViewReading(
        members=member_findings(probability), input_check=input_check, engine="torch float32"
    )
    found: Any = {"reading": reading, "geometry": GEOMETRY, "bundle_digest": bundle_digest}
    while claimed := views.claim_views(store, owner=ANALYZER, limit=8, oldest_first=True, now=now):
        for view in claimed:
            views.record_analysis(store, view, owner=ANALYZER, **found)


def analyzed_study(
    store: Store, study: int = 1, *, view_count: int = 1, probability: float = 0.5, now: datetime = NOW
) -> None:
    """Record a study of some views and analyze them."""
    record(store, *(received(study, number) for number in range(1, view_count + 1)), now=now)
    analyze_all(store, probability=probability, now=now)


def open_study(store: Store, study: int = 1) -> OpenStudy:
    """Return a study as the closing rule sees it; none of its views may wait for analysis."""
    with store.read() as connection:
        study_id = connection.scalar(
            select(tables.studies.c.id).where(tables.studies.c.study_instance_uid == uid(study))
        )
    return next(candidate for candidate in studies.open_studies(store) if candidate.id == study_id)


def claim(store: Store, study: int = 1, *, now: datetime = NOW) -> ClaimedStudy:
    """Claim a study for reporting; none of its views may wait for analysis."""
    claimed = studies.claim_study(store, open_study(store, study), owner=REPORTER, now=now)
    assert claimed is not None, f"study {study} cannot be claimed"
    return claimed


def report(
    study: ClaimedStudy,
    *,
    category: TriageCategory = TriageCategory.SUSPECTED,
    score: float | None = 0.5,
    destinations: Sequence[str] = (PACS,),
) -> Report:
    """Return a report with one SR, and one SC for each analyzed view, bound for the destinations."""
    sources = [view.sop_instance_uid for view in study.instances if view.state is InstanceState.ANALYZED]
    results = (_result(study, ""), *(_result(study, source) for source in sources))
    return Report(
        category=category,
        score=score,
        model_label="ensemble200-untrained 0.1.0 UNTRAINED",
        trained=False,
        summary=f"Study {category}.",
        not_analyzed="the images show another region" if category is TriageCategory.NOT_ANALYZED else "",
        results=results,
        deliveries=tuple((index, name) for index in range(len(results)) for name in destinations),
    )


def reported_study(
    store: Store,
    study: int = 1,
    *,
    view_count: int = 1,
    category: TriageCategory = TriageCategory.SUSPECTED,
    score: float | None = 0.5,
    destinations: Sequence[str] = (PACS,),
    now: datetime = NOW,
) -> ClaimedStudy:
    """Record, analyze and report a study; its results wait in the outbox."""
    analyzed_study(store, study, view_count=view_count, probability=score or 0.5, now=now)
    claimed = claim(store, study, now=now)
    built = report(claimed, category=category, score=score, destinations=destinations)
    studies.record_report(store, claimed, built, owner=REPORTER, now=now)
    return claimed


def send_all(store: Store, *, destination: str = PACS, now: datetime = NOW) -> None:
    """Let a destination acknowledge all that is due for it."""
    for delivery in _claim_due(store, destination, now):
        deliveries.record_sent(store, delivery, owner=SENDER, remark=None, now=now)


def refuse_all(store: Store, *, reason: str, destination: str = PACS, now: datetime = NOW) -> None:
    """Let a destination refuse for good all that is due for it."""
    for delivery in _claim_due(store, destination, now):
        deliveries.record_dead(store, delivery, owner=SENDER, remark=said(reason))


def delivered_study(store: Store, study: int = 1, *, now: datetime = NOW, **how: Any) -> ClaimedStudy:
    """Bring a study all the way; `how` as for `reported_study`."""
    claimed = reported_study(store, study, now=now, **how)
    send_all(store, now=now)
    return claimed


def _result(study: ClaimedStudy, source: str) -> NewResult:
    sop_instance_uid = derived_uid("test result", [study.study_instance_uid, source], str(study.revision))
    return NewResult(
        kind=ResultKind.SECONDARY_CAPTURE if source else ResultKind.STRUCTURED_REPORT,
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=SecondaryCaptureImageStorage if source else Comprehensive3DSRStorage,
        series_instance_uid=derived_uid("test series", [study.study_instance_uid], "sc" if source else "sr"),
        source_sop_instance_uid=source,
        path=f"results/{sop_instance_uid[-2:]}/{sop_instance_uid}.dcm",
    )


def _claim_due(store: Store, destination: str, now: datetime) -> tuple[ClaimedDelivery, ...]:
    return deliveries.claim_deliveries(store, destination=destination, owner=SENDER, limit=1000, now=now)
