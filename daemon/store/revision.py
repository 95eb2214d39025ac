"""This module begins the next revision of a study."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row

from daemon.store.study_reason import WITHOUT_DETAILS


def next_revision(study: Row[Any], now: datetime) -> dict[str, Any]:
    """Return what changes in a study, from its row, that is analyzed and reported anew."""
    return {
        "revision": study.revision + 1,
        "collecting_since": now,
        "closed_at": None,
        **WITHOUT_DETAILS,
        "attempts": 0,
    }
