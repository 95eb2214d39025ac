"""TID 1001 Observation Context, TID 1002 Observer Context and TID 1004 Device Observer.

This module says who observed: a device, never a person.
"""

from highdicom.sr import CodeContentItem, ContentItem, TextContentItem, UIDRefContentItem
from highdicom.sr import RelationshipTypeValues as Relationship

from dicom_io.identity import ULNA_MANUFACTURER
from dicom_io.objects.result_facts import ResultFacts
from sr_templates import codes


def tid1001_observation_context(facts: ResultFacts) -> list[ContentItem]:
    """Return the context of all observations; procedure and subject are those of the document header."""
    return [
        CodeContentItem(codes.OBSERVER_TYPE, codes.DEVICE, Relationship.HAS_OBS_CONTEXT),
        *_tid1004_device_observer(facts),
    ]


def _tid1004_device_observer(facts: ResultFacts) -> list[ContentItem]:
    """Return rows 1 (UID), 2 (name), 3 (manufacturer), 4 (model name) and 5 (serial number)."""
    context = Relationship.HAS_OBS_CONTEXT
    return [
        UIDRefContentItem(codes.DEVICE_OBSERVER_UID, facts.device_uid, context),
        TextContentItem(codes.DEVICE_OBSERVER_NAME, f"ulna {facts.software_version}", context),
        TextContentItem(codes.DEVICE_OBSERVER_MANUFACTURER, ULNA_MANUFACTURER, context),
        TextContentItem(codes.DEVICE_OBSERVER_MODEL_NAME, facts.model_label, context),
        TextContentItem(codes.DEVICE_OBSERVER_SERIAL_NUMBER, f"sha256:{facts.bundle_digest}", context),
    ]
