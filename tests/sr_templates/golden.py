"""One report of each kind, and the text dumps of some that stand in tests/golden.

`python -m tests.sr_templates.golden` writes the dumps anew; a person reads the difference.
"""

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from dicom_io.objects.common import to_bytes
from dicom_io.objects.previous_report import PreviousReport
from dicom_io.selection.exclusion import Exclusion
from dicom_io.selection.laterality import Laterality
from dicom_io.selection.regions import Region
from models.reference.drift import InputWarning
from sr_templates.content import ReportContent, SetAside
from sr_templates.reason import Reason
from sr_templates.report import structured_report
from tests.sr_templates.builders import analyzed, bundle, report_content, source, three_views, why

GOLDEN_KINDS = ("suspected", "not_flagged", "not_analyzed", "unusual_input")

PREVIOUS = PreviousReport(
    sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34",
    sop_instance_uid="1.2.3.4",
    series_instance_uid="1.2.3",
    created_at=datetime(2025, 1, 2, 22, 30, tzinfo=UTC),
)
UNREADABLE = SetAside(source=source(4), reason=why("the pixel data is truncated"), failed=True)
LOCALIZER = SetAside(
    source=source(5, SeriesInstanceUID="1.2.3.5"),
    reason=Reason(Exclusion.LOCALIZER),
    failed=False,
)


def reports() -> dict[str, ReportContent]:
    """Return one content per kind of report."""
    return {
        "suspected": report_content(),
        "likely": report_content(three_views(0.95), identity=bundle(trained=True)),
        "not_flagged": report_content(three_views(0.12), set_aside=[UNREADABLE, LOCALIZER]),
        "not_analyzed": report_content([], set_aside=[LOCALIZER], revision=2, previous=PREVIOUS),
        "two_parts": report_content(
            [analyzed(source(1)), analyzed(source(2), region=Region.HAND, laterality=Laterality.UNKNOWN)]
        ),
        "unusual_input": report_content(
            [analyzed(source(1)), analyzed(source(2), warning=InputWarning.INVERTED)],
            identity=bundle(trained=True),
        ),
        "nothing_known": report_content(
            [analyzed(source(1), region=None, laterality=Laterality.UNKNOWN)],
        ),
    }


def golden_path(kind: str) -> Path:
    return Path(__file__).parents[1] / "golden" / f"sr_{kind}.txt"


def dump(data: bytes, folder: Path) -> str:
    """Return the text in which dsrdump shows a report, in full."""
    path = folder / "report.dcm"
    path.write_bytes(data)
    options = ["--print-long-values", "--print-all-codes", "--print-instance-uid", "--print-template-id"]
    done = subprocess.run(["dsrdump", *options, path], capture_output=True, check=True)
    if done.stderr:
        raise ValueError(done.stderr.decode("latin-1"))
    return done.stdout.decode("ascii")


def main() -> None:
    with TemporaryDirectory() as folder:
        for kind in GOLDEN_KINDS:
            text = dump(to_bytes(structured_report(reports()[kind])), Path(folder))
            golden_path(kind).write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
