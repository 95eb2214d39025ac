"""This module is the reporter: it closes studies, and builds and stores their results once."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from daemon.config.configuration import Config
from daemon.config.sections import Destination
from daemon.logs import describe
from daemon.pipeline.building import StudyResults, build_results
from daemon.pipeline.kinds.kind import Kind
from daemon.pipeline.kinds.registry import KINDS
from daemon.pipeline.reportable import judged
from daemon.pipeline.stored import reportable_study
from daemon.process.hindrance import hindrance
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.store import renewal, studies
from daemon.store.database import Store
from daemon.store.values import ClaimedStudy, NewResult, Report
from daemon.study.closing import ClosingRule, closes_at, closing
from daemon.study.lifecycle import InstanceState
from dicom_io.decoding.decoder import Decoder
from dicom_io.errors import DecodingInterrupted, DicomIoError
from dicom_io.objects.common import to_bytes
from models.bundle.manifest import BundleIdentity
from models.study_finding import TriageCategory
from sr_templates.reason import clause

_SHORTEST_REST = 0.01

log = logging.getLogger(__name__)


class Reporter:
    """Turns studies whose views are in into stored results and due deliveries."""

    def __init__(
        self,
        store: Store,
        spool: Spool,
        decoder: Decoder,
        config: Config,
        *,
        bundle: BundleIdentity,
        kinds: Sequence[Kind] = KINDS,
    ) -> None:
        self._store = store
        self._spool = spool
        self._decoder = decoder
        self._bundle = bundle
        self._kinds = kinds
        self._operating_point = config.analysis.operating_point
        self._destinations: tuple[Destination, ...] = config.destinations
        self._closings: list[datetime] = []  # when those close at the latest that the last step left open
        self._rule = ClosingRule(
            quiet_seconds=config.study.quiet_seconds,
            settle_seconds=config.study.settle_seconds,
            max_wait_seconds=config.study.max_wait_seconds,
            close_on_expected_views=config.study.close_on_expected_views,
        )

    def run(self, stage: StageProcess) -> None:
        """Report until the stage is to stop."""
        release = partial(studies.release_studies, self._store, owner=stage.owner)
        stage.repeat(lambda: self.step(stage), release, rest=lambda: self._rest(stage.clock()))

    def step(self, stage: StageProcess) -> bool:
        """Report every study that closes now; give False when there was none."""
        moment = stage.clock()
        reported = False
        self._closings = []
        studies.reopen_abandoned_studies(self._store, now=moment)  # of reporters that died on other machines
        studies.collect_from_now(self._store, now=moment)
        for study in studies.open_studies(self._store):
            why = closing(study, self._rule, now=moment)
            if why is None or stage.stopping:
                self._closings.append(closes_at(study, self._rule))
                continue
            stage.alive()
            begun = stage.clock()
            claimed = studies.claim_study(self._store, study, owner=stage.owner, now=begun)
            if claimed is not None:
                log.info(
                    "study closed",
                    extra={"study_instance_uid": claimed.study_instance_uid, "closing": why},
                )
                claim = renewal.of_study(self._store, claimed, owner=stage.owner, now=begun)
                self._report(claimed, stage, partial(stage.working, claim))
                reported = True
        return reported

    def _rest(self, moment: datetime) -> float:
        """Return the seconds until the next study closes by itself; infinity where none is open."""
        left = ((at - moment).total_seconds() for at in self._closings)
        return max(min(left, default=math.inf), _SHORTEST_REST)

    def _report(self, study: ClaimedStudy, stage: StageProcess, on_view: Callable[[], None]) -> None:
        owner = stage.owner
        started = time.monotonic()
        digest = self._bundle.digest
        if any(i.bundle_digest != digest for i in study.instances if i.state is InstanceState.ANALYZED):
            studies.return_study_to_analyzer(self._store, study, owner=owner, bundle_digest=digest)
            stage.tell(StageName.ANALYZER)
            return
        try:
            report = self._built(study, on_view)
        except DecodingInterrupted:
            # It may have been the study that took too much memory, so the attempt counts.
            studies.release_studies(self._store, owner=owner, forgive=False)
            log.warning(
                "decoding was interrupted; the report is tried again",
                extra={"study_instance_uid": study.study_instance_uid},
            )
            return
        except (DicomIoError, ValueError, OSError) as error:
            if hindrance(error):
                raise
            reason = f"the report could not be built ({describe(error)})"
            studies.record_report_failed(self._store, study, owner=owner, reason=reason)
            log.exception("report failed", extra={"study_instance_uid": study.study_instance_uid})
            return
        recorded = studies.record_report(self._store, study, report, owner=owner, now=stage.clock())
        stage.tell(StageName.SENDER)
        log.info(
            "study reported" if recorded else "study grew while it was reported",
            extra={
                "study_instance_uid": study.study_instance_uid,
                "revision": study.revision,
                "category": report.category,
                "results": len(report.results),
                "ms": round(1000 * (time.monotonic() - started)),
            },
        )

    def _built(self, study: ClaimedStudy, on_view: Callable[[], None]) -> Report:
        about = reportable_study(study, self._spool)
        if about is None:
            reasons = "; ".join(sorted({clause(instance.reason) for instance in study.instances}))
            return Report(
                category=TriageCategory.NOT_ANALYZED,
                model_label=self._bundle.label,
                trained=self._bundle.trained,
                summary=f"nothing to report on: {reasons}",
                not_analyzed=reasons,
                results=(),
                deliveries=(),
            )
        built = build_results(
            judged(about, bundle=self._bundle, operating_point=self._operating_point),
            decoder=self._decoder,
            kinds=self._kinds,
            on_view=on_view,
        )
        results = self._stored(built)
        deliveries = tuple(
            (index, destination.name)
            for index, result in enumerate(results)
            for destination in self._destinations
            if result.kind in destination.results
        )
        return Report(
            category=built.content.category,
            score=None if built.finding is None else built.finding.score,
            part=built.deciding_part,
            target=self._bundle.target.text,
            model_label=self._bundle.label,
            trained=self._bundle.trained,
            summary=built.summary,
            not_analyzed=built.not_analyzed,
            places=built.places,
            results=results,
            deliveries=deliveries,
        )

    def _stored(self, built: StudyResults) -> tuple[NewResult, ...]:
        """Make the bytes durable before the store speaks of them."""
        return tuple(
            NewResult(
                kind=result.kind,
                sop_instance_uid=str(result.dataset.SOPInstanceUID),
                sop_class_uid=str(result.dataset.SOPClassUID),
                series_instance_uid=str(result.dataset.SeriesInstanceUID),
                source_sop_instance_uid=result.source_sop_instance_uid,
                path=self._spool.write_result(str(result.dataset.SOPInstanceUID), to_bytes(result.dataset)),
            )
            for result in built.results
        )
