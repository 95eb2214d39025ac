"""Studies behind a real server: phantoms whose pixels are known, and whatever a test adds."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.spool import Spool
from daemon.store import studies, views
from daemon.store.database import Store
from daemon.store.values import ReceivedInstance
from daemon.web.app import Setting, Wanted, create_app
from daemon.web.server import WebServer
from daemon.web.sources import Sources
from daemon.web.stated import StatedBundle, stated_bundle
from models.bundle.shipped import DEFAULT_BUNDLE, bundle_folder
from models.finding import MemberFinding, ViewGeometry, ViewReading
from models.places import Place
from tests.daemon import store_factory
from tests.daemon.store_factory import NOW, after
from tests.factories import make_instance, uid, write_instance

BLOCK = 20
ROWS, COLUMNS = 120, 160
GEOMETRY = ViewGeometry(rows=ROWS, columns=COLUMNS, pixel_aspect=2.0)
INTERCEPT, SLOPE = -1000.0, 2.0
PLACE = Place(
    outline=((30.0, 40.0), (30.0, 120.0), (90.0, 120.0), (90.0, 40.0)), peak=0.9, peak_at=(60.0, 80.0)
)
"""A rectangle in every phantom."""


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and where its data lie."""

    address: str
    store: Store
    spool: Spool
    bundle: StatedBundle


@contextmanager
def running_site(folder: Path, fill: Callable[[Store, Spool, StatedBundle], None]) -> Iterator[Site]:
    """Serve what `fill` puts into an empty store and spool."""
    bundle = stated_bundle(bundle_folder(DEFAULT_BUNDLE), "sensitive")
    spool = Spool(folder)
    spool.prepare()
    setting = Setting(product="ulna 9.9", wanted=Wanted(stages=()), bundle=bundle)
    with closing(store_factory.sqlite_store(folder)) as store, closing(Sources()) as sources:
        fill(store, spool, bundle)
        app = create_app(store, spool, setting, sources=sources, clock=lambda: after(600))
        server = WebServer(app, "127.0.0.1", 0)
        port = server.start()
        try:
            yield Site(f"http://127.0.0.1:{port}", store, spool, bundle)
        finally:
            server.stop()


def phantom(number: int = 1) -> NDArray[np.uint16]:
    """Return (ROWS, COLUMNS) uint16 of 12 bits: blocks of one value each, none like its neighbors."""
    blocks = np.random.default_rng(number).permutation(np.linspace(0, 4095, ROWS * COLUMNS // BLOCK**2))
    tiles = blocks.reshape(ROWS // BLOCK, COLUMNS // BLOCK).astype(np.uint16)
    return np.kron(tiles, np.ones((BLOCK, BLOCK), dtype=np.uint16))


def members_of(bundle: StatedBundle, level: float) -> tuple[MemberFinding, ...]:
    """Return what the members say: maps that differ, each with a hill, and P about `level`."""
    row, column = np.mgrid[0:14, 0:14]
    found = []
    for at, name in enumerate(bundle.identity.members):
        hill = np.exp(-((row - 6 - at) ** 2 + (column - 5 - 2 * at) ** 2) / 8.0)
        logit = float(np.log(level / (1 - level)))
        activation = (9.0 * hill - 5.0).astype(np.float32)
        found.append(MemberFinding(member=name, logit=logit, probability=level, activation=activation))
    return tuple(found)


def put_phantoms(
    store: Store,
    spool: Spool,
    bundle: StatedBundle,
    levels: Mapping[int, float],
    **changes: Any,
) -> None:
    """Record study 1: a phantom for each number, at which all members see the target at that level."""
    for number in levels:
        put_file(spool, arrival := store_factory.received(1, number, **changes), number)
        store_factory.record(store, arrival)
    while claimed := views.claim_views(
        store, owner=store_factory.ANALYZER, limit=8, oldest_first=True, now=NOW
    ):
        for view in claimed:
            level = levels[int(view.sop_instance_uid.rpartition(".")[2])]
            views.record_analysis(
                store,
                view,
                owner=store_factory.ANALYZER,
                reading=ViewReading(members=members_of(bundle, level), engine="torch float32"),
                geometry=GEOMETRY,
                bundle_digest=bundle.identity.digest,
            )
    study = store_factory.claim(store)
    report = store_factory.report(study, score=max(levels.values()), destinations=())
    places = {view.sop_instance_uid: (PLACE,) for view in study.instances if view.members}
    studies.record_report(
        store, study, replace(report, target="fracture", trained=True, places=places),
        owner=store_factory.REPORTER, now=NOW,
    )  # fmt: skip


def put_file(spool: Spool, arrival: ReceivedInstance, number: int, **elements: Any) -> None:
    """Write the phantom of that number where the spool has the file of an arrival."""
    path = spool.absolute(arrival.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    usual: dict[str, Any] = {
        "RescaleIntercept": INTERCEPT,
        "RescaleSlope": SLOPE,
        "WindowCenter": 2600,
        "WindowWidth": 5000,
        "ImagerPixelSpacing": [0.2, 0.1],
    }
    ds = make_instance(study=1, instance=number, pixels=phantom(number), **(usual | elements))
    write_instance(ds, path)


def view_address(number: int, study: int = 1) -> str:
    """Return the path of a view of a study that the factory made."""
    return f"/studies/{uid(study)}/views/{uid(study, 1, number)}"
