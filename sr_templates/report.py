"""The Structured Report of a study.

This module wraps the content tree into a Comprehensive 3D SR document (PS3.3 A.35.13), the object in which
IHE AIR wants qualitative findings.
"""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from dicom_io.objects.common import Place, derived_dataset, instance_reference
from dicom_io.objects.inheritance import put
from dicom_io.objects.previous_report import PreviousReport
from sr_templates import codes
from sr_templates.content import ReportContent
from sr_templates.text import counted
from sr_templates.tid1500 import tid1500_measurement_report

SERIES_NUMBER = 9902


def structured_report(content: ReportContent) -> Dataset:
    """Return the report of one revision of a study, complete with file meta.

    Same content, same bytes.
    """
    facts = content.facts
    study_instance_uid = str(content.sources[0]["StudyInstanceUID"].value)
    place = Place(
        sop_class_uid=Comprehensive3DSRStorage,
        sop_instance_uid=facts.uid("structured-report", study_instance_uid),
        series_instance_uid=facts.uid("structured-report-series", study_instance_uid),
        modality="SR",
        series_number=SERIES_NUMBER,
        instance_number=content.revision,
    )
    ds = derived_dataset(content.patient_source, facts, place)
    ds.ReferencedPerformedProcedureStepSequence = []  # SR Document Series (PS3.3 C.17.1): Type 2
    _add_document_general(ds, content)
    # SR Document Content (PS3.3 C.17.3)
    ds.update(tid1500_measurement_report(content))
    ds.CodingSchemeIdentificationSequence = [_ulna_scheme()]
    return ds


def _add_document_general(ds: Dataset, content: ReportContent) -> None:
    # SR Document General (PS3.3 C.17.2)
    failed = sum(other.failed for other in content.set_aside)
    ds.CompletionFlag = "PARTIAL" if failed else "COMPLETE"
    if failed:
        ds.CompletionFlagDescription = f"{counted(failed, 'instance')} could not be analyzed"
    ds.VerificationFlag = "UNVERIFIED"
    ds.PreliminaryFlag = "PRELIMINARY"  # a machine's word is never the final one
    ds.PerformedProcedureCodeSequence = []
    ds.CurrentRequestedProcedureEvidenceSequence = [_evidence(content.sources)]
    if content.previous is not None:
        ds.PredecessorDocumentsSequence = [_predecessor(content.previous, content.sources[0])]


def _evidence(sources: Sequence[Dataset]) -> Dataset:
    """Return the item that lists all instances by series (PS3.3 C.17.2.1)."""
    series: dict[str, list[Dataset]] = {}
    for source in sources:
        series.setdefault(str(source["SeriesInstanceUID"].value), []).append(instance_reference(source))
    return _study_reference(sources[0], series)


def _predecessor(previous: PreviousReport, source: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = previous.sop_class_uid
    reference.ReferencedSOPInstanceUID = previous.sop_instance_uid
    return _study_reference(source, {previous.series_instance_uid: [reference]})


def _study_reference(source: Dataset, series: dict[str, list[Dataset]]) -> Dataset:
    study = Dataset()
    put(study, "StudyInstanceUID", str(source["StudyInstanceUID"].value))
    items = []
    for series_instance_uid, references in series.items():
        item = Dataset()
        put(item, "SeriesInstanceUID", series_instance_uid)
        item.ReferencedSOPSequence = references
        items.append(item)
    study.ReferencedSeriesSequence = items
    return study


def _ulna_scheme() -> Dataset:
    # SOP Common (PS3.3 C.12.1)
    item = Dataset()
    item.CodingSchemeDesignator = codes.ULNA_SCHEME
    item.CodingSchemeName = "Triage categories and input warnings of ulna"
    item.CodingSchemeResponsibleOrganization = "ulna"
    return item
