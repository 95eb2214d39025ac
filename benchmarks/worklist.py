"""What page, API and metrics cost where the store holds many studies: CPU and wall milliseconds per call.

    .venv/bin/python benchmarks/worklist.py [--studies 100000] [--database URL]

Builds the store first (a minute or two). The studies came over thirty days; three views and four deliveries
each. Calls go through the application as requests do, and are counted with all that it does for them. On
PostgreSQL the CPU of the server is not counted, the wall is.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Table, insert

from daemon.spool import Spool
from daemon.store import tables, tallies
from daemon.store.database import Store, open_store
from daemon.store.location import database_url
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyEvent, StudyState
from daemon.web.app import Setting, Wanted, create_app
from daemon.web.listing import PAGE_SIZE
from daemon.web.sources import Sources
from models.study_finding import TriageCategory

NOW = datetime(2026, 3, 31, tzinfo=UTC)
DAYS = 30
AT_ONCE = 1000
CALLS = 20

ADDRESSES = {
    "page of a day": "/",
    "page of a week": "/?period=week",
    "page of all": "/?period=all",
    "last page of all": "/?period=all&page={last}",
    "page of the failed": "/?category=failed&period=all",
    "last page of a category": "/?category=not-flagged&period=all&page={last_of_category}",
    "API": "/api/studies",
    "API, last": "/api/studies?offset={offset}",
    "metrics": "/metrics",
}


def study(number: int, count: int, chance: random.Random) -> dict[str, Any]:
    opened = NOW - timedelta(days=DAYS) * (1 - number / count)
    state = chance.choices(
        [StudyState.DELIVERED, StudyState.NOT_ANALYZED, StudyState.FAILED, StudyState.DELIVERING],
        [960, 30, 5, 5],
    )[0]
    category = chance.choices(list(TriageCategory), [1] * len(TriageCategory))[0]
    return {
        "id": number,
        "study_instance_uid": f"1.2.826.0.1.3680043.10.9999.{number}",
        "state": state,
        "cause": StudyEvent.DELIVERY_DEAD if state is StudyState.FAILED else StudyEvent.ALL_SENT,
        "priority": chance.randrange(4),
        "is_old": chance.random() < 0.02,
        "opened_at": opened,
        "collecting_since": opened,
        "last_instance_at": opened + timedelta(seconds=20),
        "closed_at": opened + timedelta(seconds=60),
        "patient_id": f"P{number}",
        "patient_name": "Testcase^Wrist",
        "accession_number": f"A{number}",
        "study_date": "20260301",
        "study_description": "XR wrist right",
        "category": category,
        "score": chance.random(),
        "target": "fracture",
        "model_label": "ensemble200-fracatlas 0.1.0",
        "summary": "A sentence as long as a summary of a study usually is, with its score and what it means.",
    }


def instance(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "study_id": number // 3,
        "sop_instance_uid": f"1.2.826.0.1.3680043.10.9998.{number}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.1.1",
        "series_instance_uid": f"1.2.826.0.1.3680043.10.9997.{number}",
        "sha256": f"{number:064x}",
        "path": f"spool/00/{number:064x}.dcm",
        "size_bytes": 100_000,
        "received_at": NOW,
        "source": "MODALITY@10.0.0.7",
        "state": InstanceState.EXCLUDED if number % 10 == 0 else InstanceState.ANALYZED,
        "region": "WRIST",
    }


def result(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "study_id": number // 4,
        "revision": 1,
        "kind": "sc" if number % 4 else "sr",
        "sop_instance_uid": f"1.2.826.0.1.3680043.10.9996.{number}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.7",
        "series_instance_uid": f"1.2.826.0.1.3680043.10.9995.{number}",
        "path": f"results/00/{number}.dcm",
        "created_at": NOW,
    }


def delivery(number: int) -> dict[str, Any]:
    state = DeliveryState.DEAD if number % 4000 == 0 else DeliveryState.SENT
    return {"id": number, "result_id": number, "destination": "pacs", "state": state}


def rows(count: int) -> Iterator[tuple[Table, Iterator[dict[str, Any]]]]:
    chance = random.Random(7)
    yield tables.studies, (study(number, count, chance) for number in range(count))
    yield tables.instances, map(instance, range(3 * count))
    yield tables.results, map(result, range(4 * count))
    yield tables.deliveries, map(delivery, range(4 * count))


def fill(store: Store, count: int) -> None:
    for table, values in rows(count):
        waiting = list(values)
        for first in range(0, len(waiting), AT_ONCE):
            with store.write() as connection:
                connection.execute(insert(table), waiting[first : first + AT_ONCE])
        tallies.fold(store)


async def measure(store: Store, spool: Spool, count: int) -> None:
    app = create_app(
        store, spool, Setting(product="ulna", wanted=Wanted(stages=())), sources=Sources(), clock=lambda: NOW
    )
    last = {"last": count // PAGE_SIZE, "last_of_category": count // 4 // PAGE_SIZE, "offset": count - 100}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for name, template in ADDRESSES.items():
            address = template.format(**last)
            (await client.get(address)).raise_for_status()  # the first compiles templates and statements
            taken = []
            for _ in range(CALLS):
                cpu, wall = time.process_time(), time.perf_counter()
                answer = await client.get(address)
                taken.append((time.process_time() - cpu, time.perf_counter() - wall))
            cpu, wall = (1000 * statistics.median(times) for times in zip(*taken, strict=True))
            print(f"{name:24} {cpu:6.1f} ms CPU {wall:6.1f} ms wall {len(answer.content):8} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--database", default="", help="URL of an empty database (default: a SQLite file)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        spool.prepare()
        store = open_store(database_url(options.database, spool.data_dir))
        try:
            fill(store, options.studies)
            asyncio.run(measure(store, spool, options.studies))
        finally:
            store.close()


if __name__ == "__main__":
    main()
