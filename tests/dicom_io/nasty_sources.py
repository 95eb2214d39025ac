"""Sources as archives really hold them: values that break their VR, and character sets of the world."""

import warnings
from collections.abc import Mapping

from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from dicom_io.objects.common import to_bytes
from tests.factories import make_instance

Raw = Mapping[str, bytes | None]
"""Keyword -> the bytes of its value; None removes the element."""


def source_bytes(raw: Raw, **elements) -> bytes:
    """Return a file of `make_instance` whose elements `raw` are written byte by byte."""
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")
        ds = make_instance(rows=8, columns=8, **elements)
        for keyword, value in raw.items():
            if value is None:
                del ds[keyword]
                continue
            padding = b"\0" if dictionary_VR(keyword) == "UI" else b" "
            even = value + padding * (len(value) % 2)
            ds[keyword] = RawDataElement(
                Tag(keyword), dictionary_VR(keyword), len(even), even, 0, False, True
            )
        return to_bytes(ds)


_TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
)

CHARACTER_SETS: dict[str, tuple[bytes, bytes]] = {
    "latin-1": (b"ISO_IR 100", "Müller^Jörg".encode("latin-1")),
    "cyrillic": (b"ISO_IR 144", "Люкс^Анна".encode("iso8859_5")),
    "utf-8": (b"ISO_IR 192", "Wang^XiaoDong=王^小東=".encode()),
    "chinese": (b"GB18030", "Wang^XiaoDong=王^小东=".encode("gb18030")),
    "japanese": (
        rb"\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
    ),
    "korean": (
        rb"\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
    ),
    "greek": (b"ISO_IR 126", "Διονυσιος".encode("iso8859_7")),
    "none": (b"", b"Plain^Name"),
}
"""Name of the case -> SpecificCharacterSet and PatientName in it (PS3.5 Annex H, I, J in part)."""

NASTY: dict[str, Raw] = {
    **{
        f"charset {name}": {"SpecificCharacterSet": term, "PatientName": patient}
        for name, (term, patient) in CHARACTER_SETS.items()
    },
    "charset misspelled": {"SpecificCharacterSet": b"ISO_IR_100", "PatientName": b"M\xfcller^J\xf6rg"},
    "charset utf-8 misspelled": {"SpecificCharacterSet": b"UTF-8", "PatientName": "Müller".encode()},
    "charset junk": {"SpecificCharacterSet": b"KLINGON", "PatientName": b"M\xfcller"},
    "charset empty": {"SpecificCharacterSet": b""},
    "no type 2 elements": dict.fromkeys(_TYPE_2),
    "empty type 2 elements": dict.fromkeys(_TYPE_2, b""),
    "no orientation, spacing, laterality": {
        "PatientOrientation": None,
        "ImagerPixelSpacing": None,
        "ImageLaterality": None,
        "BodyPartExamined": None,
    },
    "orientation junk": {"PatientOrientation": b"POSTERIOR"},
    "orientation of three values": {"PatientOrientation": rb"L\F\H"},
    "spacing junk": {"ImagerPixelSpacing": rb"0,15\0,15"},
    "spacing zero": {"ImagerPixelSpacing": rb"0\0"},
    "sex in words": {"PatientSex": b"MALE"},
    "sex X": {"PatientSex": b"X"},
    "birth date zero": {"PatientBirthDate": b"00000000"},
    "birth date with dots": {"PatientBirthDate": b"1970.01.01"},
    "study date junk": {"StudyDate": b"yesterday"},
    "study time with colons": {"StudyTime": b"08:15:00"},
    "study description too long": {"StudyDescription": b"x" * 80},
    "study description with controls": {"StudyDescription": b"left\x00wrist\x07"},
    "modality in lower case": {"Modality": b"dx"},
    "body part in words": {"BodyPartExamined": b"Left wrist, two views"},
    "burned-in annotation unclear": {"BurnedInAnnotation": b"MAYBE"},
    "burned-in annotation": {"BurnedInAnnotation": b"YES"},
    "lossy compressed": {"LossyImageCompression": b"01"},
    "time zone": {"TimezoneOffsetFromUTC": b"-0330"},
    "time zone junk": {"TimezoneOffsetFromUTC": b"CET"},
}
"""Each of these must give results without any error."""

INHERITED: dict[str, Raw] = {
    "patient id too long": {"PatientID": b"P" * 80},
    "accession number too long": {"AccessionNumber": b"A" * 30},
    "study id too long": {"StudyID": b"S" * 40},
    "name too long": {"PatientName": b"N" * 200},
    "name with backslash": {"PatientName": rb"Doe\Jane"},
    "study uid with leading zero": {"StudyInstanceUID": b"1.2.03.4"},
    "undeclared latin-1": {"SpecificCharacterSet": None, "PatientName": b"M\xfcller"},
    "declared utf-8 that is latin-1": {"SpecificCharacterSet": b"ISO_IR 192", "PatientName": b"M\xfcller"},
}
"""Identity that is wrong and stays as it is: results are made, with the source's own errors in them."""
