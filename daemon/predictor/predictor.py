"""This module has dropped files analyzed, one study after another, and after the views that the PACS sent."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from daemon.pipeline.file_study import AnalyzedFile
from daemon.predictor.errors import PredictionFailed, PredictorBusy, UnusableUpload
from daemon.predictor.kept import UploadedStudy
from daemon.predictor.link import Worker
from daemon.predictor.messages import WorkerSetting
from daemon.predictor.study import PredictedStudy, named, one_study
from daemon.predictor.uploads import USUAL_LIMITS, UploadLimits, Uploads
from daemon.process.lifeline import Lifeline
from models.bundle.manifest import BundleIdentity

_IDLE_SECONDS = 600.0
_MOST_WAITING = 3
_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """How far the models are: `is_ready`, or on their way, or never, and then `problem` says why."""

    is_ready: bool
    problem: str


class Predictor:
    """Keeps what was sent and has it analyzed; close it when done. Any thread may call.

    Parameters
    ----------
    bundle
        What `setting.bundle` holds, as the page states it.
    has_waiting_views
        Whether views that came from the PACS wait to be analyzed: they go first.
    clock
        Seconds that never go back.
    """

    def __init__(
        self,
        setting: WorkerSetting,
        bundle: BundleIdentity,
        has_waiting_views: Callable[[], bool] = lambda: False,
        *,
        limits: UploadLimits = USUAL_LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.uploads = Uploads(limits, clock)
        self._setting = setting
        self._bundle = bundle
        self._has_waiting_views = has_waiting_views
        self._clock = clock
        self._lifeline = Lifeline()
        self._lock = threading.Lock()
        self._predicting = threading.Lock()
        self._waiting = 0
        self._worker: Worker | None = None
        self._used_at = clock()

    def start(self) -> None:
        """Let the models be loaded, unless they are."""
        self._running()

    @property
    def loading(self) -> Loading:
        """How far the models are."""
        worker = self._worker
        if worker is None:
            return Loading(is_ready=False, problem="")
        return Loading(is_ready=worker.is_ready and worker.is_usable, problem=worker.problem)

    def predict(self, study: UploadedStudy) -> PredictedStudy:
        """Return what the members say of a study; it is analyzed once.

        Raises
        ------
        PredictorBusy
            Others wait already, or views from the PACS go on coming.
        SeveralStudies, UnusableUpload
            The files are not those of one study.
        PredictionFailed
            The process that analyzes cannot start, or ended.
        """
        with self._turn():
            if study.predicted is None:
                study.predicted = self._predicted(study)
            return study.predicted

    def forget_old(self) -> None:
        """Drop old studies, and end the process that nobody has used for a while."""
        self.uploads.forget_old()
        with self._lock:
            if self._waiting == 0 and self._clock() - self._used_at > _IDLE_SECONDS:
                self._end()

    def close(self) -> None:
        """End the process and drop everything."""
        with self._lock:
            self._end()
        self.uploads.close()

    def _predicted(self, study: UploadedStudy) -> PredictedStudy:
        if not study.files:
            raise UnusableUpload("There is no file to analyze.")
        found = []
        study.analyzed = 0
        for number in range(1, len(study.files) + 1):
            self._let_views_go_first()
            with self.uploads.opened(study, number) as (descriptor, is_picture):
                found.append(named(self._analyzed(descriptor, is_picture), number, is_picture))
            study.analyzed = number
        return PredictedStudy(
            files=one_study(found), bundle=self._bundle, operating_point=self._setting.operating_point
        )

    def _analyzed(self, descriptor: int, is_picture: bool) -> AnalyzedFile:
        worker = self._running()
        try:
            return worker.analyze(descriptor, is_picture)
        except PredictionFailed:
            worker.end()
            raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._lock:
            if self._waiting > _MOST_WAITING:
                raise PredictorBusy("Others are being served. Try again in a moment.")
            self._waiting += 1
        try:
            with self._predicting:
                yield
        finally:
            with self._lock:
                self._waiting -= 1
                self._used_at = self._clock()

    def _let_views_go_first(self) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while self._has_waiting_views():
            if time.monotonic() > until:
                raise PredictorBusy("ulna is busy with live views, which go first. Try again in a while.")
            time.sleep(_PAUSE_SECONDS)

    def _running(self) -> Worker:
        with self._lock:
            self._used_at = self._clock()
            if self._worker is None or not self._worker.is_usable:
                self._end()
                self._worker = Worker(self._setting, self._lifeline, self._bundle.digest)
            return self._worker

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None
