"""Metrics for Prometheus, computed when they are requested, so that they slow down no call.

Names end in their unit; labels have the account and the kind, never a number or a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Gather = Callable[[], Iterable[Metric]]


class _Reader(Collector):
    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    def collect(self) -> Iterable[Metric]:
        return self._gather()

    def describe(self) -> Iterable[Metric]:
        return []  # called at registration, when there is nothing to read yet


def gauge(name: str, what: str, values: Iterable[tuple[dict[str, str], float]]) -> Metric:
    """One gauge with its labelled values; labels must have the same names in every value."""
    return _family(GaugeMetricFamily, name, what, values)


def counter(name: str, what: str, values: Iterable[tuple[dict[str, str], float]]) -> Metric:
    return _family(CounterMetricFamily, name, what, values)


def _family(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    what: str,
    values: Iterable[tuple[dict[str, str], float]],
) -> Metric:
    rows = list(values)
    labels = list(rows[0][0]) if rows else []
    family = kind(f"dozvon_{name}", what, labels=labels)
    for row, value in rows:
        family.add_metric([row[label] for label in labels], value)
    return family


class Metrics:
    def __init__(self, gather: Gather) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Reader(gather))

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)
