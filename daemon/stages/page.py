"""This module is the web stage: it serves the page, and gives back what nobody has used for a while."""

import logging
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial

from daemon.clock import now
from daemon.config.configuration import Config
from daemon.predictor.messages import WorkerSetting
from daemon.predictor.predictor import Predictor
from daemon.process.stage import LOOK_SECONDS, StageProcess
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.store.views import has_unread_views
from daemon.web.app import Setting, create_app
from daemon.web.server import WebServer
from daemon.web.sources import Sources

log = logging.getLogger(__name__)


class Page:
    """Serves the page at an address of this machine."""

    def __init__(
        self,
        store: Store,
        spool: Spool,
        setting: Setting,
        config: Config,
    ) -> None:
        self._store = store
        self._spool = spool
        self._setting = setting
        self._config = config

    def run(self, stage: StageProcess) -> None:
        """Serve until the stage is told to stop.

        Raises
        ------
        OSError
            The address is taken or not of this machine.
        """
        with closing(Sources()) as sources, self._predictor() as predictor:
            app = create_app(
                self._store, self._spool, self._setting, sources=sources, clock=now, predictor=predictor
            )
            server = WebServer(app, self._config.web.host, self._config.web.port)
            port = server.start()
            log.info("worklist page", extra={"address": f"http://{self._config.web.host}:{port}/"})
            try:
                while server.running and not stage.stopping:
                    stage.alive()
                    sources.forget_old()
                    if predictor is not None:
                        predictor.forget_old()
                    stage.pause(LOOK_SECONDS)
            finally:
                server.stop()

    def _predictor(self) -> AbstractContextManager[Predictor | None]:
        config, bundle = self._config, self._setting.bundle
        if bundle is None or not config.web.predictor:
            return nullcontext()
        setting = WorkerSetting.of(config.analysis, config.study)
        return closing(Predictor(setting, bundle.identity, partial(has_unread_views, self._store)))
