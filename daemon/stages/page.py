"""This module is the web stage: it serves the page, and gives back what nobody has used for a while."""

import logging
from contextlib import AbstractContextManager, closing, nullcontext

from daemon.clock import now
from daemon.config.sections import Web
from daemon.predictor.predictor import Predictor
from daemon.process.stage import StageProcess
from daemon.spool import Spool
from daemon.store.database import Store
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
        web: Web,
        predictor: Predictor | None = None,
    ) -> None:
        self._store = store
        self._spool = spool
        self._setting = setting
        self._web = web
        self._predictor = predictor

    def run(self, stage: StageProcess) -> None:
        """Serve until the stage is told to stop.

        Raises
        ------
        OSError
            The address is taken or not of this machine.
        """
        with closing(Sources()) as sources, self._predictor_or_none() as predictor:
            app = create_app(
                self._store, self._spool, self._setting, sources=sources, clock=now, predictor=predictor
            )
            server = WebServer(app, self._web.host, self._web.port)
            port = server.start()
            log.info("worklist page", extra={"address": f"http://{self._web.host}:{port}/"})
            try:
                while server.running and not stage.stopping:
                    stage.alive()
                    sources.forget_old()
                    if predictor is not None:
                        predictor.forget_old()
                    stage.wait()
            finally:
                server.stop()

    def _predictor_or_none(self) -> AbstractContextManager[Predictor | None]:
        return nullcontext() if self._predictor is None else closing(self._predictor)
