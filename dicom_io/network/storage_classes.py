"""SOP classes that the receiver takes, in which transfer syntaxes.

This module holds the receiver's side of presentation context negotiation (PS3.8 7.1.1.13). It accepts
every storage class, not only radiographs: a PACS forwards whole studies, and a rule of which one
instance fails is a rule that somebody switches off. What is no radiograph is excluded later, with its
reason.
"""

from collections.abc import Iterable
from functools import cache

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import register_uid
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext, build_context
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time

from dicom_io.reading.transfer_syntaxes import DECODABLE_TRANSFER_SYNTAXES

# Retired in PS3.4 but still sent by old modalities and archives; pynetdicom knows only current classes.
RETIRED_STORAGE_CLASSES: dict[str, str] = {
    "UltrasoundMultiFrameImageStorageRetired": "1.2.840.10008.5.1.4.1.1.3",
    "NuclearMedicineImageStorageRetired": "1.2.840.10008.5.1.4.1.1.5",
    "UltrasoundImageStorageRetired": "1.2.840.10008.5.1.4.1.1.6",
    "StandaloneOverlayStorage": "1.2.840.10008.5.1.4.1.1.8",
    "StandaloneCurveStorage": "1.2.840.10008.5.1.4.1.1.9",
    "StandaloneModalityLUTStorage": "1.2.840.10008.5.1.4.1.1.10",
    "StandaloneVOILUTStorage": "1.2.840.10008.5.1.4.1.1.11",
    "StandalonePETCurveStorage": "1.2.840.10008.5.1.4.1.1.129",
    "XRayAngiographicBiPlaneImageStorage": "1.2.840.10008.5.1.4.1.1.12.3",
    "VLImageStorageTrial": "1.2.840.10008.5.1.4.1.1.77.1",
    "VLMultiFrameImageStorageTrial": "1.2.840.10008.5.1.4.1.1.77.2",
    "HardcopyGrayscaleImageStorage": "1.2.840.10008.5.1.1.29",
    "HardcopyColorImageStorage": "1.2.840.10008.5.1.1.30",
}
"""By PS3.6 keyword."""

STORAGE_CLASSES: tuple[str, ...] = (
    *(str(context.abstract_syntax) for context in AllStoragePresentationContexts),
    *RETIRED_STORAGE_CLASSES.values(),
)
"""Every storage SOP class of PS3.4 Annex B, and the retired ones above."""

VERIFICATION_TRANSFER_SYNTAXES: tuple[str, ...] = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)


def supported_contexts(sop_classes: Iterable[str]) -> list[PresentationContext]:
    """Return the presentation contexts of a Verification and Storage SCP for some classes.

    Of the syntaxes that a peer offers for one context the first of `DECODABLE_TRANSFER_SYNTAXES` is
    taken, uncompressed before compressed: a peer that offers both in one context can send either.

    Parameters
    ----------
    sop_classes : Iterable[str]
        Those that a peer proposes; what is not supported is passed over. The contexts of all classes
        together take longer to make than an association.
    """
    _register_retired_classes()
    proposed = set(sop_classes)
    storage = [
        build_context(uid, list(DECODABLE_TRANSFER_SYNTAXES)) for uid in STORAGE_CLASSES if uid in proposed
    ]
    if Verification in proposed:
        return [build_context(Verification, list(VERIFICATION_TRANSFER_SYNTAXES)), *storage]
    return storage


@cache
def _register_retired_classes() -> None:
    """Tell pynetdicom that the retired classes belong to the storage service; it aborts on others."""
    for keyword, sop_class_uid in RETIRED_STORAGE_CLASSES.items():
        register_uid(sop_class_uid, keyword, StorageServiceClass)
