import pickle

import pytest

import dicom_io
from dicom_io import errors
from dicom_io.defects import Defect
from dicom_io.errors import Permanent, Transient, association_rejected, store_refused
from dicom_io.faults import Fault


@pytest.mark.parametrize("status", [0xA700, 0xA7FF, 0x0110, 0x0213])
def test_statuses_that_pass_with_time_are_transient(status):
    assert isinstance(store_refused(status), Transient)


@pytest.mark.parametrize(
    "status", [0xA900, 0xA9FF, 0xC000, 0xCFFF, 0x0122, 0x0124, 0x0117, 0x0111, 0xA600, 0x1234]
)
def test_statuses_about_the_instance_or_the_agreement_are_permanent(status):
    assert isinstance(store_refused(status), Permanent)


def test_a_store_refusal_says_its_status_in_words():
    assert str(store_refused(0xA701)) == "C-STORE refused with status 0xA701: out of resources"


@pytest.mark.parametrize(("result", "branch"), [(1, Permanent), (2, Transient)])
def test_the_result_of_a_rejection_decides_its_branch(result, branch):
    assert isinstance(association_rejected(result, 1, 7), branch)


def test_a_rejection_says_why():
    rejection = association_rejected(1, 1, 7)
    assert "called AE title not recognized" in str(rejection)
    assert (rejection.result, rejection.source, rejection.reason) == (1, 1, 7)


@pytest.mark.parametrize(
    "error",
    [
        errors.NotDicom(Defect.PREFIX_ABSENT),
        errors.MissingUid("StudyInstanceUID"),
        errors.InvalidUid("SOPInstanceUID"),
        errors.UndecodablePixels(Defect.IMAGE_SIZE, rows=0, columns=3, most_pixels=4),
        errors.DecodingInterrupted(Defect.DECODING_NOT_STARTED),
        errors.PeerUnreachable(Fault.UNREACHABLE, address="A@h:1", error="no such host"),
        errors.NoPresentationContext("1.2.3", "1.2.4"),
        association_rejected(2, 3, 1),
        store_refused(0xC001),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_cross_process_borders_unchanged(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_the_tree_in_the_package_docstring_names_every_exception():
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert [name for name in sorted(defined) if name not in (dicom_io.__doc__ or "")] == []


def test_every_exception_but_the_two_that_split_belongs_to_one_branch():
    splitting = {errors.DicomIoError, errors.PeerError, errors.AssociationRejected, errors.StoreRefused}
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, errors.DicomIoError) and value not in splitting:
            assert issubclass(value, Permanent) != issubclass(value, Transient)
