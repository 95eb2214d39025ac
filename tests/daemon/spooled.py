"""Views as an analyzer finds them: recorded in the store, with their files in the spool."""

import numpy as np

from daemon.spool import Spool
from daemon.store.database import Store
from tests.daemon import store_factory
from tests.factories import make_instance, write_instance


def put_views(store: Store, spool: Spool, count: int) -> None:
    """Record views of one study, with their files."""
    for number in range(1, count + 1):
        arrival = store_factory.received(1, number)
        store_factory.record(store, arrival)
        path = spool.absolute(arrival.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 4096, (64, 64)).astype(np.uint16)
        write_instance(make_instance(instance=number, pixels=pixels), path)
