"""This module counts for Prometheus; no label names a patient or an object."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from daemon.store.database import Store
from daemon.store.listing import oldest_unfinished
from daemon.store.shown import Refusal, Standing
from daemon.store.tallies import Counts, counts
from daemon.study.lifecycle import DeliveryState, InstanceState, StudyState
from daemon.web.attention import Attention, NeedKind

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Metrics(Collector):
    """What the store holds, counted when somebody asks."""

    store: Store
    attention: Attention
    clock: Callable[[], datetime]

    def show(self, _request: Request) -> Response:
        """Answer ``/metrics`` in the text format of Prometheus."""
        registry = CollectorRegistry()
        registry.register(self)
        return Response(generate_latest(registry), media_type=_TYPE)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return every metric as it is now."""
        now, counted = self.clock(), counts(self.store)
        yield from _of_counts(counted)
        oldest = oldest_unfinished(self.store)
        age = 0.0 if oldest is None else (now - oldest).total_seconds()
        text = "Seconds since the last view of the study that has been unfinished for longest."
        yield GaugeMetricFamily("ulna_oldest_unfinished_study_seconds", text, value=age)
        needs: Counter[str] = Counter()
        for need in self.attention.needs(now, counted):
            needs[need.kind] += need.number
        yield _family("ulna_needs_person", "What needs a person, by kind.", "kind", NeedKind, needs)
        up = {health.name: int(not health.problem) for health in self.attention.health.stages(now)}
        yield _family("ulna_stage_up", "Whether a stage works.", "stage", up, up)


def _of_counts(counted: Counts) -> Iterator[GaugeMetricFamily]:
    states: Counter[str] = Counter()
    standings: Counter[str] = Counter()
    for tally in counted.studies:
        states[tally.state] += tally.number
        standings[tally.standing] += tally.number
    for name, kinds, numbers in (
        ("studies", StudyState, states),
        ("instances", InstanceState, counted.instances),
        ("deliveries", DeliveryState, counted.deliveries),
    ):
        yield _family(f"ulna_{name}", f"Number of {name} by state.", "state", kinds, numbers)
    text = "Number of studies by category."
    yield _family("ulna_studies_by_category", text, "category", Standing, standings)
    refused = sum(number for cause, number in counted.refusals.items() if cause.is_of_instance)
    yield GaugeMetricFamily("ulna_refused_instances", "Refused instances on record.", value=refused)
    text = "Refused instances and associations on record, by cause."
    yield _family("ulna_refusals", text, "cause", Refusal, counted.refusals)


def _family(
    name: str, text: str, label: str, kinds: Iterable[str], numbers: Mapping[Any, int]
) -> GaugeMetricFamily:
    """Return a metric with a sample for each kind, also for those of which there is none."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for kind in kinds:
        family.add_metric([kind], numbers.get(kind, 0))
    return family
