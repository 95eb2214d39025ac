"""The outline of a report against the dump of DCMTK."""

import re
from io import BytesIO

import pytest
from pydicom import dcmread

from dicom_io.objects.common import to_bytes
from sr_templates.content import SetAside
from sr_templates.outline import outline
from sr_templates.report import structured_report
from tests.sr_templates.builders import report_content, source, why
from tests.sr_templates.golden import dump, reports

# <has concept mod CODE:(121058,DCM,"Procedure reported")=(43468-8,LN,"XR unspecified body region")>
DUMPED = re.compile(
    r"""(?P<indent>\ *)<[a-z ]*(?P<value_type>[A-Z]+):
    (?:\([^"]*"(?P<name>[^"]*)"\))?=
    (?:SEPARATE|[^"]*"(?P<value>[^"]*)".*)>""",
    re.VERBOSE,
)

WITHOUT_PIXELS = SetAside(
    source=source(6, SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1", Rows=None, Columns=None),
    reason=why("it is no image"),
    failed=False,
)
CONTENTS = {**reports(), "without_pixels": report_content(set_aside=[WITHOUT_PIXELS])}


@pytest.mark.parametrize("kind", CONTENTS)
def test_each_item_that_dcmtk_dumps_is_a_line_with_its_name_and_value(kind, tmp_path):
    data = to_bytes(structured_report(CONTENTS[kind]))
    tree = [line for line in dump(data, tmp_path).splitlines() if line.lstrip().startswith("<")]
    lines = outline(dcmread(BytesIO(data))).splitlines()
    for dumped, line in zip(tree, lines, strict=True):
        item = DUMPED.match(dumped)
        assert item is not None, dumped
        value = item["value"]
        start = item["indent"] + (item["name"] or "")
        assert line.startswith(start)
        if value is None:
            assert line == start
        else:
            shown = rf"(?:: |^ *)(?:image |object )?{re.escape(value)}(?: \S+)?$"
            assert re.search(shown, line), (dumped, line)


def test_an_object_without_pixels_is_no_image():
    lines = outline(structured_report(CONTENTS["without_pixels"])).splitlines()
    assert f"      Source of Measurement: object {WITHOUT_PIXELS.source.SOPInstanceUID}" in lines


def test_an_item_of_another_kind_shows_its_value_type():
    report = structured_report(report_content())
    report.ContentSequence[0].ValueType = "SCOORD"
    assert outline(report).splitlines()[1].endswith(": (SCOORD)")
