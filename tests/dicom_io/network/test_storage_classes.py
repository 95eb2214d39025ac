from pydicom._uid_dict import UID_dictionary
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)

from dicom_io.network.storage_classes import RETIRED_STORAGE_CLASSES, STORAGE_CLASSES, supported_contexts
from tests.dicom_io.peers import DX, VERIFICATION

OTHER_INDUSTRIES = ("DICOS", "DICONDE")
IMAGE_CLASSES = {
    uid
    for uid, (name, kind, info, _, _) in UID_dictionary.items()
    if kind == "SOP Class" and "Image Storage" in name and not info.startswith(OTHER_INDUSTRIES)
}


def test_radiographs_are_accepted():
    assert {
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        SecondaryCaptureImageStorage,
    } <= set(STORAGE_CLASSES)


def test_every_image_class_of_the_registry_is_accepted():
    assert set(STORAGE_CLASSES) >= IMAGE_CLASSES


def test_retired_classes_are_named_as_in_the_registry():
    for keyword, uid in RETIRED_STORAGE_CLASSES.items():
        _, kind, _, retired, registered_keyword = UID_dictionary[uid]
        assert (kind, retired, registered_keyword) == ("SOP Class", "Retired", keyword)


def test_each_class_has_one_context_and_each_syntax_a_decoder():
    contexts = supported_contexts(STORAGE_CLASSES)
    assert [context.abstract_syntax for context in contexts] == list(STORAGE_CLASSES)
    assert len(set(STORAGE_CLASSES)) == len(STORAGE_CLASSES)
    for context in contexts:
        assert all(get_decoder(syntax).is_available for syntax in context.transfer_syntax)


def test_uncompressed_is_preferred():
    for context in supported_contexts(STORAGE_CLASSES):
        encapsulated = [syntax.is_encapsulated for syntax in context.transfer_syntax]
        assert encapsulated == sorted(encapsulated)


def test_only_what_is_proposed_and_supported_gets_a_context():
    modality_worklist = "1.2.840.10008.5.1.4.31"
    contexts = supported_contexts([modality_worklist, VERIFICATION, DX, DX])
    assert [context.abstract_syntax for context in contexts] == [VERIFICATION, DX]
