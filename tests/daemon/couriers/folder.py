"""A courier for tests: it drops results into the folder that a destination names as its host."""

from pathlib import Path

from daemon.couriers.courier import Courier, Fate, Outcome
from daemon.couriers.remark import Note, Remark

FULL = "full"
FIFO = "fifo"  # is read to its end before anything is dropped


def told(words):
    return Remark.that(Note.TOLD, words=words)


AWAY = told("the folder is away")
NO_ROOM = told("the folder is full")


def deliver(parcels, destination, on_outcome):
    folder = Path(destination.host)
    if (folder / FIFO).exists():
        (folder / FIFO).read_bytes()
    for parcel in parcels:
        if not folder.is_dir():
            on_outcome(Outcome(parcel=parcel, fate=Fate.LATER, remark=AWAY))
        elif (folder / FULL).exists():
            on_outcome(Outcome(parcel=parcel, fate=Fate.NEVER, remark=NO_ROOM))
        else:
            name = f"{parcel.kind}-{parcel.sop_instance_uid}"
            (folder / name).write_bytes(parcel.path.read_bytes())
            on_outcome(Outcome(parcel=parcel, fate=Fate.SENT, remark=told(f"dropped as {parcel.kind}")))


def probe(destination):
    Path(destination.host).stat()
    return "is a folder"


COURIER = Courier(deliver=deliver, probe=probe)
