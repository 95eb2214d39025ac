import pytest

from dicom_io.uids import derived_uid, is_uid


@pytest.mark.parametrize(
    "text",
    ["1.2.840.10008.5.1.4.1.1.1", "0.0", "2.25.329800735698586629295641978511506172918", "7", "9" * 64],
)
def test_uids_are_uids(text):
    assert is_uid(text)


def test_leading_zeros_are_accepted_because_archives_hold_them():
    assert is_uid("1.2.003.4")


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "../../x", "/abs", "1..2", ".1", "1.", "1.2 ", " 1.2", "1.2\n", "1.2\0", "1.2a", "1,2",
     "-1.2", "1.٢", "1.²", "9" * 65],
)  # fmt: skip
def test_anything_else_is_no_uid(text):
    assert not is_uid(text)


def test_a_derived_uid_is_a_function_of_what_it_names():
    uid = derived_uid("sc", ["1.2", "1.3"], "digest", "1")
    assert uid == derived_uid("sc", ["1.3", "1.2"], "digest", "1")
    assert uid.is_valid
    assert uid.startswith("2.25.")


def test_a_derived_uid_never_changes():
    # Worked out once: archives hold results under these names, so a later version must find the same.
    assert derived_uid("sc", ["1.2", "1.3"], "digest", "1") == "2.25.48924771036122408081083853049329517010"


@pytest.mark.parametrize(
    ("kind", "sources", "facts"),
    [
        ("sr", ["1.2", "1.3"], ["digest", "1"]),
        ("sc", ["1.2"], ["digest", "1"]),
        ("sc", ["1.2", "1.3"], ["digest", "2"]),
        ("sc", ["1.2", "1.3"], ["1", "digest"]),
        ("sc", ["1.2", "1.3"], ["digest1"]),
        ("sc", ["1.2"], ["1.3", "digest", "1"]),
        ("sc", ["1.2,1.3"], ["digest", "1"]),
    ],
)
def test_anything_different_gives_another_uid(kind, sources, facts):
    assert derived_uid(kind, sources, *facts) != derived_uid("sc", ["1.2", "1.3"], "digest", "1")
