"""This module is the kind that readers see: for each analyzed view a picture with its activation map."""

from collections.abc import Iterator

from pydicom.dataset import Dataset

from daemon.pipeline.kinds.kind import BuiltResult, Kind, Material
from daemon.store.result_kind import ResultKind
from dicom_io.objects.secondary_capture import secondary_capture
from models.rendering.view_page import render_page
from models.rendering.words import Caption
from models.study_finding import StudyFinding
from sr_templates.content import ReportContent
from sr_templates.text import age_caution, counted, shown_by


def view_caption(content: ReportContent, number: int) -> str:
    """Name a view in the margin of its page: its place in the report, what it shows, and what is missing."""
    failed = sum(other.failed for other in content.set_aside)
    missing = f"; {counted(failed, 'view')} NOT ANALYZED" if failed else ""
    shown = shown_by(content.analyzed[number - 1])
    return f"View {number} of {len(content.analyzed) + failed}: {shown}{missing}"


def _build(material: Material) -> Iterator[BuiltResult]:
    content, finding = material.content, material.content.finding
    if finding is None:
        return
    for number, view in enumerate(content.analyzed, start=1):
        yield BuiltResult(
            kind=SECONDARY_CAPTURE.name,
            dataset=_capture(material, finding, number),
            source_sop_instance_uid=str(view.source["SOPInstanceUID"].value),
        )


def _capture(material: Material, finding: StudyFinding, number: int) -> Dataset:
    content, read = material.content, material.image_of(number)
    view = content.analyzed[number - 1]
    caption = Caption(
        product=f"ulna {content.software_version}",
        view=view_caption(content, number),
        study=finding,
        revision=content.facts.revision_clause,
        caution=age_caution(content),
    )
    page = render_page(read.image, view.finding, caption, finding.bundle.preprocessing, read.pixel_aspect)
    return secondary_capture(
        page,
        source=view.source,
        patient_source=content.patient_source,
        facts=content.facts,
        view_number=number,
        laterality=view.shown.laterality,
    )


SECONDARY_CAPTURE = Kind(name=ResultKind.SECONDARY_CAPTURE, build=_build)
