"""This module is the analyzer: it claims views, runs the ensemble on them, and stores the findings."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from errno import EIO
from functools import partial

import numpy as np

from daemon.pipeline.reading import PreparedView, prepare, why_not_read
from daemon.process.hindrance import hindrance
from daemon.process.pace import Pace
from daemon.process.stage import StageProcess
from daemon.process.stage_name import StageName
from daemon.spool import Spool
from daemon.store import renewal, views
from daemon.store.database import Store
from daemon.store.values import ClaimedView
from daemon.study.lifecycle import InstanceEvent
from dicom_io.decoding.decoder import Decoder
from dicom_io.errors import DecodingInterrupted, UndecodablePixels
from models.ensemble import Ensemble
from models.errors import NonFiniteOutput, UnjudgedView
from models.finding import ViewReading
from sr_templates.reason import Reason, Withheld, clause

_FAIR_SHARE = 3  # every third claim takes some of the oldest views, whatever their rank
_PASS_SECONDS = 5.0  # a stage must live, stop and turn to what is urgent; a full batch takes as long or less

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Claimed:
    view: ClaimedView
    prepared: PreparedView


class Analyzer:
    """Turns received views into findings, in micro-batches across studies.

    Parameters
    ----------
    max_batch
        Views in one pass; fewer where the machine is so busy that this many would take long.
    """

    def __init__(
        self,
        store: Store,
        spool: Spool,
        decoder: Decoder,
        ensemble: Ensemble,
        *,
        operating_point: str,
        max_batch: int,
    ) -> None:
        self._store = store
        self._spool = spool
        self._decoder = decoder
        self._ensemble = ensemble
        self._operating_point = ensemble.identity.operating_point(operating_point)
        self._max_batch = max_batch
        self._pace = Pace(max_batch, seconds=_PASS_SECONDS)
        self._claims = 0

    def run(self, stage: StageProcess) -> None:
        """Analyze until the stage is to stop; views that are claimed then are given back."""
        release = partial(views.release_views, self._store, owner=stage.owner)
        stage.repeat(lambda: self.step(stage), release)

    def step(self, stage: StageProcess) -> bool:
        """Analyze one batch; give False when nothing waited."""
        moment = stage.clock()
        if not views.has_waiting_views(self._store, now=moment):
            return False
        views.set_poison_aside(self._store, owner=stage.owner, now=moment)
        self._claims += 1
        claimed = views.claim_views(
            self._store,
            owner=stage.owner,
            limit=self._pace.affordable(unmeasured=self._max_batch),
            oldest_first=self._claims % _FAIR_SHARE == 0,
            now=moment,
        )
        claims = renewal.of_views(self._store, claimed, owner=stage.owner, now=moment)
        started = time.monotonic()
        prepared = []
        for view in claimed:
            if stage.stopping:
                return True
            stage.working(claims)
            prepared += self._prepare(view, stage.owner)
        analyzed = 0
        while analyzed < len(prepared):
            if stage.stopping:
                return True
            stage.working(claims)
            analyzed += self._pass(prepared[analyzed:], stage.owner)
            stage.tell(StageName.REPORTER)
        log.info(
            "views analyzed",
            extra={"views": analyzed, "ms": round(1000 * (time.monotonic() - started))},
        )
        return True

    def _pass(self, prepared: Sequence[_Claimed], owner: str) -> int:
        """Analyze as many views as there is time for in one pass; return how many."""
        count = min(len(prepared), self._pace.affordable(unmeasured=1))
        with self._pace.measured(count):
            self._analyze(prepared[:count], owner)
        return count

    def _prepare(self, view: ClaimedView, owner: str) -> list[_Claimed]:
        """Return the view as the networks want it; empty when it cannot be read, which is recorded."""
        try:
            read = self._decoder.read_view(self._spool.absolute(view.path))
        except DecodingInterrupted:
            # The claim stays until it runs out; then the view is tried once more.
            log.warning("decoding was interrupted; the view is tried again later", extra=_uids(view))
            return []
        except UndecodablePixels as error:
            self._set_aside(view, owner, InstanceEvent.UNDECODABLE, why_not_read(error))
            return []
        except OSError as error:
            if hindrance(error):
                raise
            lost = Reason.because(Withheld.FILE_LOST, errno=error.errno or EIO)
            self._set_aside(view, owner, InstanceEvent.FILE_LOST, lost)
            return []
        return [_Claimed(view, prepare(read, self._ensemble.preprocessing))]

    def _analyze(self, prepared: Sequence[_Claimed], owner: str) -> None:
        if not prepared:
            return
        try:
            readings = self._ensemble.read(np.stack([each.prepared.image for each in prepared]))
        except NonFiniteOutput as error:
            for position in error.positions:
                view = prepared[position].view
                self._set_aside(view, owner, InstanceEvent.NO_NUMBER, why_not_read(error))
            spared = [each for index, each in enumerate(prepared) if index not in error.positions]
            self._analyze(spared, owner)
            return
        for each, reading in zip(prepared, readings, strict=True):
            self._record(each, owner, reading)

    def _record(self, claimed: _Claimed, owner: str, reading: ViewReading) -> None:
        view = claimed.view
        try:
            reading.require_judged(self._operating_point)
        except UnjudgedView as error:
            self._set_aside(view, owner, InstanceEvent.UNLIKE_RADIOGRAPH, why_not_read(error))
            return
        recorded = views.record_analysis(
            self._store,
            view,
            owner=owner,
            reading=reading,
            geometry=claimed.prepared.geometry,
            bundle_digest=self._ensemble.identity.digest,
        )
        if not recorded:
            log.warning("claim was lost before the analysis ended", extra=_uids(view))
        elif reading.input_check is not None and reading.input_check.warning is not None:
            check = reading.input_check
            extra = {"input_warning": check.warning, "input_distance": round(check.distance, 2)}
            log.warning("view differs from the training data", extra={**_uids(view), **extra})

    def _set_aside(self, view: ClaimedView, owner: str, cause: InstanceEvent, reason: Reason) -> None:
        views.record_unreadable(self._store, view, owner=owner, cause=cause, reason=reason)
        log.warning("view is unreadable", extra={**_uids(view), "cause": cause, "reason": clause(reason)})


def _uids(view: ClaimedView) -> dict[str, str]:
    return {"study_instance_uid": view.study_instance_uid, "sop_instance_uid": view.sop_instance_uid}
