"""Transfer syntaxes: how data sets are laid out and which pixel data is decoded here.

This module holds the table of the transfer syntaxes that the receiver offers and the analyzer reads.
"""

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dicom_io.reading.element_header import Encoding

DEFLATED: str = DeflatedExplicitVRLittleEndian
"""The data set is compressed as a whole (PS3.5 A.5)."""

NATIVE_TRANSFER_SYNTAXES: tuple[str, ...] = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)
"""Uncompressed pixel data (PS3.5 A.1 to A.3, A.5), the most convenient first."""

ENCAPSULATED_TRANSFER_SYNTAXES: tuple[str, ...] = (
    JPEGLosslessSV1,
    JPEGLossless,
    JPEG2000Lossless,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    HTJ2K,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    JPEGExtended12Bit,
    JPEGBaseline8Bit,
)
"""Compressed pixel data (PS3.5 A.4) that is decoded here; the lossless ones and those of more bits first."""

LOSSY_TRANSFER_SYNTAXES: frozenset[str] = frozenset(
    {JPEG2000, HTJ2K, JPEGLSNearLossless, JPEGExtended12Bit, JPEGBaseline8Bit}
)
"""Those whose decoded samples may differ from the ones that were compressed."""

DECODABLE_TRANSFER_SYNTAXES: tuple[str, ...] = (*NATIVE_TRANSFER_SYNTAXES, *ENCAPSULATED_TRANSFER_SYNTAXES)
"""What `dicom_io.decoding.pixels.read_view` reads."""

_GE_IMPLICIT_BIG_ENDIAN_PIXELS = "1.2.840.113619.5.2"  # private: implicit VR, little endian but for pixels

_IMPLICIT = Encoding(explicit_vr=False)
_EXPLICIT = Encoding(explicit_vr=True)
_ENCODINGS = {
    ImplicitVRLittleEndian: _IMPLICIT,
    _GE_IMPLICIT_BIG_ENDIAN_PIXELS: _IMPLICIT,
    ExplicitVRBigEndian: Encoding(explicit_vr=True, little_endian=False),
}


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return how data sets of a transfer syntax are laid out.

    A syntax that is not known is read as explicit VR little endian, as all compressed ones are (PS3.5 A.4).
    """
    return _ENCODINGS.get(transfer_syntax_uid, _EXPLICIT)
