"""The table of codes against pydicom's dictionaries, which are made from the standard."""

from typing import cast

import pytest
from highdicom.sr import CodedConcept
from highdicom.sr.templates import ImageLibraryEntryDescriptors
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from dicom_io.selection.laterality import Laterality
from dicom_io.selection.regions import Region
from models.reference.drift import InputWarning
from sr_templates import codes
from tests.factories import make_instance

TABLES = (codes.MODALITIES, codes.REGIONS, codes.LATERALITIES, codes.INPUT_WARNINGS)
ALL = [value for value in vars(codes).values() if isinstance(value, Code)]
ALL += [code for table in TABLES for code in table.values()]

Dictionary = dict[str, dict[str, tuple[str, list[int]]]]
"""Keyword -> code value -> meaning and context groups."""

# Coded in PS3.16, but not in the dictionary of pydicom
UNLISTED = {codes.QUALITATIVE_EVALUATIONS, codes.PIXELS, codes.ENGLISH}
# SNOMED CT's attribute of situations and one of its values, which no context group of DICOM holds
UNLISTED |= {codes.FINDING_CONTEXT, codes.PROBABLY_PRESENT}


@pytest.mark.parametrize(
    "code",
    [code for code in ALL if code.scheme_designator != codes.ULNA_SCHEME and code not in UNLISTED],
    ids=str,
)
def test_code_means_what_pydicom_says(code):
    dictionary = cast(Dictionary, concepts[code.scheme_designator])
    meanings = {entry[code.value][0] for entry in dictionary.values() if code.value in entry}
    # SNOMED CT tells the kind of a concept behind its name: "Source (attribute)"
    assert code.meaning in {meaning.removesuffix(" (attribute)") for meaning in meanings}


def test_pixels_are_those_of_highdicom():
    ds = make_instance(rows=8, columns=8)
    rows = ImageLibraryEntryDescriptors(ds).find(CodedConcept("110910", "DCM", "Pixel Data Rows"))[0]
    assert (rows.unit.value, rows.unit.scheme_designator) == (
        codes.PIXELS.value,
        codes.PIXELS.scheme_designator,
    )


def test_no_code_stands_twice():
    assert len({(code.scheme_designator, code.value) for code in ALL}) == len(ALL)


def test_every_region_known_side_and_warning_has_a_code():
    assert codes.REGIONS.keys() == set(Region)
    assert codes.INPUT_WARNINGS.keys() == set(InputWarning)
    assert codes.LATERALITIES.keys() == set(Laterality) - {Laterality.UNKNOWN}


def test_codes_fit_their_elements():
    for code in ALL:
        assert len(code.value) <= 16
        assert len(code.scheme_designator) <= 16
        assert len(code.meaning) <= 64
        assert code.meaning.isascii()


def test_normal_is_not_in_the_table():
    assert "17621005" not in {code.value for code in ALL}
