"""This module is the web stage: it serves the page, and gives back what viewers have not used for a while."""

import logging
from contextlib import closing

from daemon.clock import now
from daemon.process.stage import StageProcess
from daemon.spool import Spool
from daemon.store.database import Store
from daemon.web.app import Setting, create_app
from daemon.web.server import WebServer
from daemon.web.sources import Sources

log = logging.getLogger(__name__)


class Page:
    """Serves the page at an address of this machine."""

    def __init__(self, store: Store, spool: Spool, setting: Setting, *, host: str, port: int) -> None:
        self._store = store
        self._spool = spool
        self._setting = setting
        self._host = host
        self._port = port

    def run(self, stage: StageProcess) -> None:
        """Serve until the stage is told to stop.

        Raises
        ------
        OSError
            The address is taken or not of this machine.
        """
        with closing(Sources()) as sources:
            app = create_app(self._store, self._spool, self._setting, sources=sources, clock=now)
            server = WebServer(app, self._host, self._port)
            port = server.start()
            log.info("worklist page", extra={"address": f"http://{self._host}:{port}/"})
            try:
                while server.running and not stage.stopping:
                    stage.alive()
                    sources.forget_old()
                    stage.wait()
            finally:
                server.stop()
