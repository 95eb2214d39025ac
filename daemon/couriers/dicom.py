"""This module is the courier to application entities: C-STORE, and C-ECHO to ask."""

from collections.abc import Callable, Sequence

from daemon.config.sections import Destination
from daemon.couriers.courier import Courier, Fate, Outcome, Parcel
from daemon.couriers.remark import Note, Remark
from dicom_io.errors import PeerError, Permanent, StoreRefused
from dicom_io.network.scu import Address, Timeouts, echo
from dicom_io.network.store_scu import SendOutcome, send_files

_DUPLICATE_SOP_INSTANCE = 0x0111  # PS3.7 C.4.2

_PROBE_TIMEOUTS = Timeouts(connect_seconds=5.0, associate_seconds=5.0, response_seconds=5.0)


def deliver(
    parcels: Sequence[Parcel], destination: Destination, on_outcome: Callable[[Outcome], None]
) -> None:
    """Send the files of parcels; as for `Courier.deliver`."""
    by_path = {parcel.path: parcel for parcel in parcels}
    seconds = destination.timeout_seconds
    send_files(
        list(by_path),
        _address(destination),
        calling_ae_title=destination.calling_ae_title,
        timeouts=Timeouts(connect_seconds=seconds, associate_seconds=seconds, response_seconds=seconds),
        on_progress=lambda sent: on_outcome(_outcome(by_path[sent.path], sent)),
        compress=True,
    )


def probe(destination: Destination) -> str:
    """Send a C-ECHO; as for `Courier.probe`."""
    address = _address(destination)
    echo(address, calling_ae_title=destination.calling_ae_title, timeouts=_PROBE_TIMEOUTS)
    return f"{address} answers"


def _address(destination: Destination) -> Address:
    return Address(ae_title=destination.ae_title, host=destination.host, port=destination.port)


def _outcome(parcel: Parcel, sent: SendOutcome) -> Outcome:
    if sent.error is None:
        warned = Remark.that(Note.WARNING_STATUS, status=sent.status) if sent.status else None
        return Outcome(parcel=parcel, fate=Fate.SENT, remark=warned)
    if isinstance(sent.error, StoreRefused) and sent.error.status == _DUPLICATE_SOP_INSTANCE:
        # We sent it, and ended before we had written that down. The peer has this result and no other of
        # its UID, since the UID of a result follows from all that shapes its bytes.
        there = Remark.that(Note.THERE_ALREADY, status=sent.error.status)
        return Outcome(parcel=parcel, fate=Fate.SENT, remark=there)
    code = sent.error.fault if isinstance(sent.error, PeerError) else sent.error.defect
    fate = Fate.NEVER if isinstance(sent.error, Permanent) else Fate.LATER
    return Outcome(parcel=parcel, fate=fate, remark=Remark(code, sent.error.details))


COURIER = Courier(deliver=deliver, probe=probe)
