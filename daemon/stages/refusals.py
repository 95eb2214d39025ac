"""This module gathers what the receiver refuses, so that no crowd of strangers fills the store."""

import logging
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.exc import SQLAlchemyError

from daemon.store.database import Store
from daemon.store.refusals import record_repeated
from daemon.store.shown import Refusal
from dicom_io.network.admission import (
    APPLICATION_CONTEXT_NOT_SUPPORTED,
    CALLED_AE_TITLE_NOT_RECOGNIZED,
    CALLING_AE_TITLE_NOT_RECOGNIZED,
    LOCAL_LIMIT_EXCEEDED,
    Rejection,
)
from dicom_io.network.interface import RefusedAssociation

_MOST_PEERS = 100  # told apart in one round
_OTHERS = "others"

_CAUSES: Mapping[Rejection, Refusal] = MappingProxyType(
    {
        APPLICATION_CONTEXT_NOT_SUPPORTED: Refusal.APPLICATION_CONTEXT,
        CALLED_AE_TITLE_NOT_RECOGNIZED: Refusal.CALLED_AE_TITLE,
        CALLING_AE_TITLE_NOT_RECOGNIZED: Refusal.CALLER,
        LOCAL_LIMIT_EXCEEDED: Refusal.TOO_MANY,
    }
)

log = logging.getLogger(__name__)


class RefusedAssociations:
    """The associations that were refused since they were last written down."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._numbers: Counter[tuple[str, Refusal, str]] = Counter()

    def add(self, refused: RefusedAssociation) -> None:
        """Remember one; does not wait for the store."""
        title = refused.calling_ae_title.strip()
        source = f"{title}@{refused.peer_host}" if title else refused.peer_host
        key = source, _CAUSES[refused.rejection], refused.reason
        with self._lock:
            if key not in self._numbers and len(self._numbers) >= _MOST_PEERS:
                key = _OTHERS, key[1], "more peers than are told apart"
            self._numbers[key] += 1

    def write_down(self, now: datetime) -> None:
        """Write down what came since the last time; where the store is away, the next time."""
        with self._lock:
            numbers, self._numbers = self._numbers, Counter()
        if not numbers:
            return
        try:
            record_repeated(self._store, numbers, now=now)
        except SQLAlchemyError:
            log.exception("refused associations are not recorded yet")
            with self._lock:
                self._numbers += numbers
