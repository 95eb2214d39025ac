"""The projection of a radiograph.

This module reduces view codes, view positions and words to the few kinds of view that decide whether a
study is complete.
"""

from collections.abc import Iterator
from enum import StrEnum

from dicom_io.instance import InstanceHeader
from dicom_io.vocabulary import shipped_vocabulary


class Projection(StrEnum):
    """Kinds of view."""

    FRONTAL = "frontal"
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    AXILLARY = "axillary"
    UNKNOWN = "unknown"


def projection_of(header: InstanceHeader) -> Projection:
    """Return the kind of view that an instance is.

    The first of these that names any decides: ViewCodeSequence, ViewPosition, SeriesDescription,
    ProtocolName. If it names several ("AP + LAT", a folder of views) the projection is unknown.
    """
    kinds = next((kinds for kinds in _evidence(header) if kinds), frozenset())
    return Projection(next(iter(kinds))) if len(kinds) == 1 else Projection.UNKNOWN


# CID 4010 (DX View) in SCT, and the named shoulder views of CID 4012
_CODES = {
    "399348003": Projection.FRONTAL,  # antero-posterior
    "272479007": Projection.FRONTAL,  # postero-anterior
    "399033003": Projection.FRONTAL,  # frontal
    "399146005": Projection.FRONTAL,  # Grashey
    "399067008": Projection.LATERAL,  # lateral
    "399173006": Projection.LATERAL,  # left lateral
    "399198007": Projection.LATERAL,  # right lateral
    "399352003": Projection.LATERAL,  # lateral-medial
    "399260004": Projection.LATERAL,  # medial-lateral
    "422795009": Projection.LATERAL,  # Neer
    "399182000": Projection.OBLIQUE,  # oblique
    "399312000": Projection.OBLIQUE,  # antero-posterior oblique
    "399059000": Projection.OBLIQUE,  # postero-anterior oblique
    "399160007": Projection.OBLIQUE,  # frontal oblique
    "260427002": Projection.OBLIQUE,  # lateral oblique
    "260426006": Projection.OBLIQUE,  # medial oblique
    "399099002": Projection.OBLIQUE,  # latero-medial oblique
    "399368009": Projection.OBLIQUE,  # medio-lateral oblique
    "399135007": Projection.OBLIQUE,  # left anterior oblique
    "399184004": Projection.OBLIQUE,  # left oblique
    "399006002": Projection.OBLIQUE,  # left posterior oblique
    "399356000": Projection.OBLIQUE,  # right anterior oblique
    "399236003": Projection.OBLIQUE,  # right oblique
    "399038007": Projection.OBLIQUE,  # right posterior oblique
    "399061009": Projection.AXILLARY,  # axial
    "399130002": Projection.AXILLARY,  # West Point
}

# PS3.3 C.8.7.1.1 and C.8.11.1: defined terms of (0018,5101) View Position
_VIEW_POSITIONS = {
    "AP": Projection.FRONTAL,
    "PA": Projection.FRONTAL,
    "LL": Projection.LATERAL,
    "RL": Projection.LATERAL,
    "RLO": Projection.OBLIQUE,
    "LLO": Projection.OBLIQUE,
    "RAO": Projection.OBLIQUE,
    "LAO": Projection.OBLIQUE,
    "RPO": Projection.OBLIQUE,
    "LPO": Projection.OBLIQUE,
}


def _evidence(header: InstanceHeader) -> Iterator[frozenset[str]]:
    """Yield the kinds of view that each source names, the most reliable source first."""
    yield frozenset(_CODES[term.value].value for term in header.views if term.value in _CODES)
    words = shipped_vocabulary("projection.json")
    position = _VIEW_POSITIONS.get(header.view_position)
    yield frozenset({position.value}) if position else words.labels_in(header.view_position)
    yield words.labels_in(header.series_description)
    yield words.labels_in(header.protocol_name)
