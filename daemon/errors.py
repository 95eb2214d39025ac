"""This module names what can go wrong in the daemon itself."""

from collections.abc import Sequence

from dicom_io.network.store_status import StoreStatus


class DaemonError(Exception):
    """Root of the daemon's own errors; their messages never hold patient data."""


class ConfigurationInvalid(DaemonError):
    """The configuration cannot be used.

    Attributes
    ----------
    mistakes
        One line for each mistake: dotted key, value, what is allowed.
    """

    def __init__(self, source: str, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        listed = "\n".join(f"  - {mistake}" for mistake in self.mistakes)
        super().__init__(f"{source}: {len(self.mistakes)} mistake(s), nothing was started:\n{listed}")


class AddressUnusable(DaemonError):
    """A configured address cannot be listened on."""


class StageAlreadyRunning(DaemonError):
    """Another process runs this stage on the same data directory, or another machine in the same name."""


class IllegalTransition(DaemonError):
    """The life cycle has no way for this event in this state."""


class StateChangedElsewhere(DaemonError):
    """Between reading a state and changing it, somebody else changed it: a lock or a lease was not held."""


class IntakeRefused(DaemonError):
    """An instance is not taken.

    Attributes
    ----------
    status
        What a C-STORE sender is answered.
    """

    def __init__(self, status: StoreStatus, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class ActionRefused(DaemonError):
    """A person asks for what cannot be done with a study as it is now; the message says why."""


class SchemaTooNew(DaemonError):
    """The store was written by a newer ulna than this one."""


class UnknownStudy(DaemonError):
    """The store holds no study with this Study Instance UID."""


class UnknownDestination(DaemonError):
    """The configuration names no such destination."""
