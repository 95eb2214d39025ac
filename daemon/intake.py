"""This module takes an instance in: checked, filed, recorded; only then may it be acknowledged.

The receiver and the watcher both bring their instances here, so there is one rule for both.
"""

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from daemon.errors import IntakeRefused
from daemon.intake_rule import IntakeRule
from daemon.process.stage_name import StageName
from daemon.spool import Spool, data_set_digest
from daemon.store import instances
from daemon.store.database import Store
from daemon.store.refusals import cause_of, record_rejection
from daemon.store.shown import Rejection
from daemon.store.values import ReceivedInstance, Recorded, StudyIdentity
from daemon.study.beginning import beginning
from daemon.study.priority import Priority, priority
from dicom_io.errors import UnusableInstance
from dicom_io.network.store_status import StoreStatus
from dicom_io.reading.instance import InstanceHeader, read_header
from dicom_io.selection.age import ages_of
from dicom_io.selection.eligibility import assess
from dicom_io.uids import is_uid

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A complete file in the spool's incoming folder, and how it came.

    Attributes
    ----------
    sop_class_uid, sop_instance_uid
        What the C-STORE command announced; empty for files from folders.
    source
        ``AET@host``, or ``folder``.
    dimse_priority
        The C-STORE priority: 0 medium, 1 high, 2 low.
    """

    path: Path
    source: str
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    calling_ae_title: str = ""
    association_id: str = ""
    dimse_priority: int = 0


@dataclass(frozen=True, slots=True)
class Intake:
    """The way into the spool and the store.

    `tell` lets another stage know that there is work for it.
    """

    spool: Spool
    store: Store
    rule: IntakeRule
    clock: Callable[[], datetime]
    tell: Callable[[StageName], None] = lambda name: None

    def accept(self, arrival: Arrival) -> Recorded:
        """File and record an instance; when this returns, the instance is durable.

        The incoming file is gone afterwards, whether it was taken or refused.

        Raises
        ------
        IntakeRefused
            With the status for the sender and the reason, which has been recorded.
        """
        try:
            return self._file(arrival)
        except IntakeRefused as refusal:
            self._record_refusal(arrival, refusal)
            raise
        finally:
            arrival.path.unlink(missing_ok=True)

    def _file(self, arrival: Arrival) -> Recorded:
        try:
            header = _read(arrival, self.rule)
            digest = data_set_digest(arrival.path)
            if instances.is_recorded(self.store, sop_instance_uid=header.sop_instance_uid, sha256=digest):
                return Recorded.IDENTICAL
            self._require_room(header)
            size_bytes = arrival.path.stat().st_size
            path = self.spool.adopt(arrival.path, digest)
            now = self.clock()
            received = self._received(
                arrival, header, digest=digest, path=path, size_bytes=size_bytes, now=now
            )
            there, most = partial(self.spool.require, path), self.rule.max_views_per_study
            outcome = instances.record_instance(self.store, received, now=now, max_views=most, confirm=there)
            if outcome is Recorded.IDENTICAL:
                self.spool.remove([path])  # another association was quicker, and its file is in use
        except OSError as error:
            raise _refusal_for(error) from error
        except DBAPIError as error:  # the drivers do not agree on anything narrower
            # An adopted file stays until it is swept up: whether a commit that failed was made, nobody knows.
            raise IntakeRefused(StoreStatus.OUT_OF_RESOURCES, "the store cannot be used now") from error
        self.tell(StageName.ANALYZER)
        _log(received, outcome)
        return outcome

    def _require_room(self, header: InstanceHeader) -> None:
        free = self.spool.free_bytes()
        if free < self.rule.min_free_bytes:
            raise IntakeRefused(
                StoreStatus.OUT_OF_RESOURCES,
                f"disk is full: {free} bytes free, storage.min_free_bytes keeps {self.rule.min_free_bytes}",
            )
        if not instances.is_known_or_fits(
            self.store,
            study_instance_uid=header.study_instance_uid,
            max_open_studies=self.rule.max_open_studies,
        ):
            raise IntakeRefused(
                StoreStatus.OUT_OF_RESOURCES,
                f"queue is full: storage.max_open_studies = {self.rule.max_open_studies} studies are open",
            )

    def _received(
        self,
        arrival: Arrival,
        header: InstanceHeader,
        *,
        digest: str,
        path: str,
        size_bytes: int,
        now: datetime,
    ) -> ReceivedInstance:
        # Headers tell days of the site's time zone.
        ages = ages_of(header, self.rule.ages, received_on=now.astimezone().date())
        eligibility = assess(
            header, unknown_region=self.rule.unknown_region, words=self.rule.words, ages=ages
        )
        state, reason = beginning(eligibility)
        return ReceivedInstance(
            study_instance_uid=header.study_instance_uid,
            series_instance_uid=header.series_instance_uid,
            sop_instance_uid=header.sop_instance_uid,
            sop_class_uid=header.sop_class_uid,
            identity=StudyIdentity(
                patient_id=header.patient_id,
                issuer_of_patient_id=header.issuer_of_patient_id,
                patient_name=header.patient_name,
                accession_number=header.accession_number,
                study_date=header.study_date,
                study_description=header.study_description,
            ),
            sha256=digest,
            path=path,
            size_bytes=size_bytes,
            source=arrival.source,
            association_id=arrival.association_id,
            priority=self._priority(arrival, header, is_old=ages.is_old),
            is_old=ages.is_old,
            state=state,
            reason=reason,
            region=eligibility.region or "",
            laterality=eligibility.laterality,
            laterality_conflict=", ".join(eligibility.laterality_conflict),
            projection=eligibility.projection,
            device=f"{header.manufacturer} {header.manufacturer_model_name}".strip(),
            age_caution=ages.caution or "",
            minimum_age_years=ages.rule.minimum_age_years,
        )

    def _priority(self, arrival: Arrival, header: InstanceHeader, *, is_old: bool) -> Priority:
        return priority(
            requested_procedure_priority=header.requested_procedure_priority,
            dimse_priority=arrival.dimse_priority,
            is_stat_sender=arrival.calling_ae_title in self.rule.stat_calling_ae_titles,
            is_old=is_old,
        )

    def _record_refusal(self, arrival: Arrival, refusal: IntakeRefused) -> None:
        log.warning(
            "instance refused",
            extra={"source": arrival.source, "status": f"0x{refusal.status:04X}", "reason": refusal.reason},
        )
        if refusal.status is StoreStatus.OUT_OF_RESOURCES:
            return  # the sender tries again, and the disk may be too full to write this down
        rejection = Rejection(
            rejected_at=self.clock(),
            source=arrival.source,
            # What is no UID may be anything, a name included.
            sop_instance_uid=arrival.sop_instance_uid if is_uid(arrival.sop_instance_uid) else "",
            cause=cause_of(refusal.status),
            reason=refusal.reason,
        )
        record_rejection(self.store, rejection)


def _read(arrival: Arrival, rule: IntakeRule) -> InstanceHeader:
    try:
        header = read_header(arrival.path, fallback_character_set=rule.fallback_character_set)
    except UnusableInstance as error:
        raise IntakeRefused(StoreStatus.CANNOT_UNDERSTAND, str(error)) from error
    for keyword, announced, found in (
        ("SOPClassUID", arrival.sop_class_uid, header.sop_class_uid),
        ("SOPInstanceUID", arrival.sop_instance_uid, header.sop_instance_uid),
    ):
        if announced and announced != found:
            raise IntakeRefused(
                StoreStatus.DATA_SET_MISMATCH, f"{keyword} of the data set is not the one of the command"
            )
    return header


def _refusal_for(error: OSError) -> IntakeRefused:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "disk is full" if full else f"the spool cannot be written: {error.strerror}"
    return IntakeRefused(StoreStatus.OUT_OF_RESOURCES, reason)


def _log(received: ReceivedInstance, outcome: Recorded) -> None:
    log.info(
        "instance recorded",
        extra={
            "study_instance_uid": received.study_instance_uid,
            "sop_instance_uid": received.sop_instance_uid,
            "state": received.state,
            "exclusion": received.exclusion,
            "outcome": outcome,
        },
    )
