"""The time series that exist: those that the code declares, and those of RabbitMQ that are scraped."""

from __future__ import annotations

import re

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from tagfleet.monitoring import metrics

#: Of RabbitMQ's detailed endpoint, what the two families of prometheus.yml give (rabbitmq_prometheus,
#: metrics-detailed.md: `queue_coarse_metrics`, `queue_consumer_count`).
OF_RABBITMQ = frozenset(
    {
        "rabbitmq_detailed_queue_consumers",
        "rabbitmq_detailed_queue_messages",
        "rabbitmq_detailed_queue_messages_ready",
        "rabbitmq_detailed_queue_messages_unacked",
    }
)

METRICS: dict[str, MetricWrapperBase] = {
    name: value for name, value in vars(metrics).items() if isinstance(value, MetricWrapperBase)
}

_SUFFIXES: dict[type[MetricWrapperBase], tuple[str, ...]] = {
    Counter: ("_total",),
    Gauge: ("",),
    Histogram: ("_bucket", "_sum", "_count"),
}


def name_of(metric: MetricWrapperBase) -> str:
    """The metric's name, without what its type adds."""
    return str(next(iter(metric.describe())).name)


def series() -> dict[str, set[str]]:
    """The name of each time series that the code declares, with its labels."""
    found = {}
    for metric in METRICS.values():
        labels = set(metric._labelnames)
        for suffix in _SUFFIXES[type(metric)]:
            found[name_of(metric) + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


def used_in(expression: str) -> set[str]:
    """The names of the time series in a PromQL expression that could be ours or RabbitMQ's."""
    without_strings = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:tagfleet|rabbitmq)_\w+", without_strings))


def unknown_in(expression: str) -> set[str]:
    """Of those, the ones that nobody serves."""
    return used_in(expression) - set(series()) - OF_RABBITMQ


def labels_in(expression: str) -> set[str]:
    """The labels that a PromQL expression matches or groups by."""
    matched = re.findall(r"[{,]\s*(\w+)\s*(?:=~|!~|!=|=)", expression)
    grouped = re.findall(r"\bby\s*\(([^)]*)\)", expression)
    return set(matched) | {label.strip() for labels in grouped for label in labels.split(",")}
