"""Names the kinds of destinations. This module is the one place where a kind becomes a courier."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.couriers.courier import Courier

# Names, since the configuration needs to know the kinds, and no command waits for what it does not use.
COURIERS: Mapping[str, str] = MappingProxyType(
    {
        "dicom": "daemon.couriers.dicom",
    }
)
"""The module of each kind; its `COURIER` is the courier."""


def known_kind(kind: str) -> str:
    """Return a kind of destination.

    Raises
    ------
    ValueError
        There is no courier for it.
    """
    if kind not in COURIERS:
        raise ValueError(f"must be one of {', '.join(map(repr, COURIERS))}")
    return kind


def courier_of(kind: str) -> "Courier":
    """Return the courier of a kind of destination, one of `COURIERS`."""
    courier: Courier = import_module(COURIERS[kind]).COURIER
    return courier
