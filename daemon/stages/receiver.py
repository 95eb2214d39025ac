"""This module is the receiver: what arrives over the network goes through the intake, then is answered."""

import logging
import time

from sqlalchemy.exc import SQLAlchemyError

from daemon.config.configuration import Config
from daemon.errors import IntakeRefused
from daemon.intake import Arrival, Intake
from daemon.process.stage import LOOK_SECONDS, StageProcess
from daemon.process.stage_name import StageName
from daemon.stages.refusals import RefusedAssociations
from daemon.store import instances
from daemon.store.database import Store
from daemon.store.refusals import cause_of, record_rejection
from daemon.store.shown import Rejection
from dicom_io.network.acceptor import Acceptor, AcceptorSettings, IncomingInstance, Peer, RefusedInstance
from dicom_io.network.store_status import StoreStatus

_GRACE_SECONDS = 3.0
_WRITING_SECONDS = 10.0  # between two times that refused associations are written down

log = logging.getLogger(__name__)


class Receiver:
    """The Storage and Verification SCP in front of an intake."""

    def __init__(self, intake: Intake, store: Store, config: Config) -> None:
        self._intake = intake
        self._store = store
        settings = AcceptorSettings(
            ae_title=config.receiver.ae_title,
            host=config.receiver.host,
            port=config.receiver.port,
            allowed_peers=tuple(
                Peer(ae_title=peer.ae_title, host=peer.host or None) for peer in config.receiver.allowed_peers
            ),
            accept_unknown_peers=config.receiver.allow_any_peer,
            max_associations=config.receiver.max_associations,
            max_associations_per_host=config.receiver.max_associations_per_host,
            max_instance_bytes=config.receiver.max_instance_bytes,
            network_timeout_seconds=config.receiver.network_timeout_seconds,
            incoming_dir=intake.spool.incoming,
        )
        self._refused = RefusedAssociations(store)
        self._acceptor = Acceptor(
            settings, self._on_store, self._on_association_released, self._on_refused, self._refused.add
        )

    def run(self, stage: StageProcess) -> None:
        """Listen until the stage is to stop."""
        instances.record_all_associations_ended(self._store)
        port = self._acceptor.start()
        log.info("listening", extra={"ae_title": self._acceptor.settings.ae_title, "port": port})
        next_writing = time.monotonic()
        try:
            while not stage.stopping:
                stage.alive()
                if time.monotonic() >= next_writing:
                    self._refused.write_down(self._intake.clock())
                    next_writing = time.monotonic() + _WRITING_SECONDS
                stage.pause(LOOK_SECONDS)
        finally:
            self._acceptor.stop(_GRACE_SECONDS)
            self._refused.write_down(self._intake.clock())

    def _on_store(self, incoming: IncomingInstance) -> StoreStatus:
        arrival = Arrival(
            path=incoming.path,
            source=f"{incoming.calling_ae_title}@{incoming.peer_host}",
            sop_class_uid=incoming.sop_class_uid,
            sop_instance_uid=incoming.sop_instance_uid,
            calling_ae_title=incoming.calling_ae_title,
            association_id=incoming.association_id,
            dimse_priority=incoming.priority,
        )
        try:
            self._intake.accept(arrival)
        except IntakeRefused as refusal:
            return refusal.status
        return StoreStatus.SUCCESS

    def _on_association_released(self, association_id: str) -> None:
        instances.record_association_released(self._store, association_id)
        self._intake.tell(StageName.REPORTER)  # what was sent in it may be complete

    def _on_refused(self, refused: RefusedInstance) -> None:
        rejection = Rejection(
            rejected_at=self._intake.clock(),
            source=f"{refused.calling_ae_title}@{refused.peer_host}",
            sop_instance_uid=refused.sop_instance_uid,
            cause=cause_of(refused.status),
            reason=refused.reason,
        )
        try:
            record_rejection(self._store, rejection)
        except SQLAlchemyError:
            log.exception("refused instance is not recorded")
