"""Tables of headers with what a radiologist reads from each, and how many of them ulna reads alike."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation

from dicom_io.reading.instance import read_header
from dicom_io.selection.eligibility import Eligibility, assess
from tests.factories import code_item, encode, make_instance

_OF_THE_FACTORY = (
    "BodyPartExamined", "StudyDescription", "SeriesDescription", "ViewPosition", "ImageLaterality",
    "AnatomicRegionSequence",
)  # fmt: skip
_CODED = {"AnatomicRegionSequence", "AnatomicRegionModifierSequence", "ViewCodeSequence"}
_SOP_CLASSES = {"CR": ComputedRadiographyImageStorage, "DX": DigitalXRayImageStorageForPresentation}


@dataclass(frozen=True)
class Case:
    """A header, and what is right: None is not judged, a region of several is any of them."""

    name: str
    attributes: dict[str, Any]
    region: str | list[str] | None
    laterality: str | None
    projection: str | None

    def is_read_right(self) -> bool:
        found = self.found()
        if self.region == "excluded":
            return not found.eligible
        region = found.region.value if found.region and found.eligible else "excluded"
        allowed = [self.region] if isinstance(self.region, str) else self.region
        return (
            (allowed is None or region in allowed)
            and self.laterality in (None, found.laterality.value)
            and self.projection in (None, found.projection.value)
        )

    def found(self) -> Eligibility:
        return assess(read_header(encode(self.instance())), unknown_region="exclude")

    def instance(self) -> Dataset:
        attributes = dict(self.attributes)
        elements: dict[str, Any] = dict.fromkeys(_OF_THE_FACTORY)
        sop_class_uid = _SOP_CLASSES[attributes.pop("sop_class", "CR")]
        requested = attributes.pop("RequestedProcedureDescription", None)
        if requested is not None:
            request = Dataset()
            request.RequestedProcedureDescription = requested
            elements["RequestAttributesSequence"] = [request]
        modifier = attributes.pop("AnatomicRegionModifierSequence", None)
        for keyword, value in attributes.items():
            elements[keyword] = [_item(value)] if keyword in _CODED else value
        ds = make_instance(
            sop_class_uid=sop_class_uid, SpecificCharacterSet="ISO_IR 192", bits_stored=8, **elements
        )
        if modifier is not None:
            ds.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [_item(modifier)]
        return ds


def _item(code: list[str]) -> Dataset:
    value, scheme, meaning = code
    return code_item(value, scheme, meaning)


def cases(path: Path) -> list[Case]:
    table = json.loads(path.read_text(encoding="utf-8"))
    assert len(table["cases"]) == table["header"]["count"]
    return [Case(**case) for case in table["cases"]]
