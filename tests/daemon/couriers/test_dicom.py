"""The courier to application entities: what a peer's answers mean for a result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import JPEGLosslessSV1
from pynetdicom import AE, evt
from pynetdicom.events import Event

from daemon.config.sections import Destination
from daemon.couriers.courier import Fate, Outcome, Parcel
from daemon.couriers.registry import courier_of
from daemon.couriers.remark import Note, Remark, remark_words
from daemon.store.result_kind import ResultKind
from dicom_io.defects import Defect
from dicom_io.errors import PeerUnreachable
from dicom_io.faults import Fault
from tests.dicom_io.peers import DX, storescp
from tests.dicom_io.pictures import picture
from tests.factories import make_instance, uid, write_instance


@contextmanager
def pacs(answer: Callable[[Event], int]) -> Iterator[int]:
    entity = AE("PACS")
    entity.add_supported_context(DX)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, answer)])
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def at(port: int) -> Destination:
    return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=port, timeout_seconds=5.0)


def parcels(folder: Path, count: int) -> list[Parcel]:
    return [
        Parcel(
            path=write_instance(make_instance(rows=8, columns=8, instance=number), folder / f"{number}.dcm"),
            kind=ResultKind.STRUCTURED_REPORT,
            sop_instance_uid=uid(1, 1, number),
        )
        for number in range(1, count + 1)
    ]


def delivered(sent: list[Parcel], destination: Destination) -> list[Outcome]:
    outcomes: list[Outcome] = []
    courier_of("dicom").deliver(sent, destination, outcomes.append)
    return outcomes


@pytest.mark.parametrize(
    ("status", "fate", "code", "words"),
    [
        (0x0000, Fate.SENT, None, ""),
        (0xB000, Fate.SENT, Note.WARNING_STATUS, "warning status 0xB000"),
        (0x0111, Fate.SENT, Note.THERE_ALREADY, "it was there already (status 0x0111)"),
        (0xA700, Fate.LATER, Fault.STORE_REFUSED, "C-STORE refused with status 0xA700: out of resources"),
        (0xC000, Fate.NEVER, Fault.STORE_REFUSED, "C-STORE refused with status 0xC000: cannot understand"),
    ],
)
def test_status_decides_the_fate_of_a_result(tmp_path, status, fate, code, words):
    sent = parcels(tmp_path, 2)
    with pacs(lambda _: status) as port:
        outcomes = delivered(sent, at(port))
    remark = None if code is None else Remark.that(code, status=status)
    assert outcomes == [Outcome(parcel=parcel, fate=fate, remark=remark) for parcel in sent]
    assert remark_words(remark) == words


def test_result_that_a_peer_keeps_from_before_a_crash_is_sent(tmp_path):
    kept: set[str] = set()

    def keep(event: Event) -> int:
        instance = event.dataset.SOPInstanceUID
        if instance in kept:
            return 0x0111
        kept.add(instance)
        return 0

    sent = parcels(tmp_path, 2)
    with pacs(keep) as port:
        delivered(sent[:1], at(port))
        assert [outcome.fate for outcome in delivered(sent, at(port))] == [Fate.SENT, Fate.SENT]


def test_pictures_travel_compressed(tmp_path):
    parcel = Parcel(path=picture(tmp_path), kind=ResultKind.SECONDARY_CAPTURE, sop_instance_uid=uid(1, 1, 1))
    (tmp_path / "pacs").mkdir()
    with storescp(tmp_path / "pacs", "+xs") as port:
        delivered([parcel], at(port))
    (received,) = (tmp_path / "pacs").iterdir()
    assert dcmread(received).file_meta.TransferSyntaxUID == JPEGLosslessSV1


def test_destination_that_is_down_gets_its_results_later(tmp_path):
    with pacs(lambda _: 0) as port:
        pass
    outcomes = delivered(parcels(tmp_path, 2), at(port))
    assert [outcome.fate for outcome in outcomes] == [Fate.LATER, Fate.LATER]
    assert [outcome.remark and outcome.remark.code for outcome in outcomes] == [Fault.NO_CONNECTION] * 2


def test_file_that_is_none_never_goes_and_the_others_do(tmp_path):
    broken, whole = parcels(tmp_path, 2)
    broken.path.write_bytes(b"no DICOM")
    with pacs(lambda _: 0) as port:
        outcomes = {outcome.parcel: outcome for outcome in delivered([broken, whole], at(port))}
    assert (outcomes[broken].fate, outcomes[whole].fate) == (Fate.NEVER, Fate.SENT)
    assert outcomes[broken].remark == Remark(Defect.PREFIX_ABSENT)


def test_probe_is_an_echo(tmp_path):
    with storescp(tmp_path) as port:
        assert courier_of("dicom").probe(at(port)) == f"PACS@127.0.0.1:{port} answers"
    with pytest.raises(PeerUnreachable):
        courier_of("dicom").probe(at(port))
