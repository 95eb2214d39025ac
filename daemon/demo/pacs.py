"""This module is the demonstration's PACS: a Storage SCP that files whatever it gets."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dicom_io.network.acceptor import Acceptor, AcceptorSettings, IncomingInstance
from dicom_io.network.store_status import StoreStatus

AE_TITLE = "DEMOPACS"


@contextmanager
def demo_pacs(folder: Path) -> Iterator[int]:
    """Run the PACS on a free port of this machine, which is given; it files below `folder`."""
    incoming = folder / "incoming"
    incoming.mkdir(parents=True)

    def on_store(instance: IncomingInstance) -> StoreStatus:
        instance.path.rename(folder / f"{instance.sop_instance_uid}.dcm")
        return StoreStatus.SUCCESS

    settings = AcceptorSettings(
        ae_title=AE_TITLE,
        host="127.0.0.1",
        port=0,
        allowed_peers=(),
        accept_unknown_peers=True,
        max_associations=16,
        max_associations_per_host=16,
        max_instance_bytes=512_000_000,
        network_timeout_seconds=30.0,
        incoming_dir=incoming,
    )
    acceptor = Acceptor(settings, on_store)
    port = acceptor.start()
    try:
        yield port
    finally:
        acceptor.stop()
