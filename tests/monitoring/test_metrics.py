"""The metrics keep to Prometheus's conventions, and to a bounded number of time series."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from tagfleet.monitoring import metrics

from .declared import METRICS, name_of
from .promtool import promtool

ROOT = Path(__file__).resolve().parents[2]

#: What has no bound: each job or user would be time series of its own, for ever.
UNBOUNDED = {
    "job",
    "job_id",
    "id",
    "user",
    "name",
    "message",
    "reason",
    "uri",
    "path",
    "step",
    "step_id",
}

each_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)


@each_metric
def test_a_metric_says_whose_it_is_and_what_it_counts(metric: MetricWrapperBase) -> None:
    description = next(iter(metric.describe()))
    assert description.name.startswith("tagfleet_")
    assert description.documentation.endswith(".")


@each_metric
def test_a_metric_has_a_bounded_number_of_series(metric: MetricWrapperBase) -> None:
    assert set(metric._labelnames) & UNBOUNDED == set()


@each_metric
def test_a_duration_is_in_seconds(metric: MetricWrapperBase) -> None:
    # Histograms here measure nothing but time.
    assert name_of(metric).endswith("_seconds") == (
        isinstance(metric, Histogram) or metric is metrics.CLOCK_TICK_TIME
    )


@each_metric
def test_a_gauge_dies_with_its_process(metric: MetricWrapperBase) -> None:
    if isinstance(metric, Gauge):
        assert metric._multiprocess_mode.startswith("live")
    else:
        assert isinstance(metric, Counter | Histogram)


def test_every_metric_is_recorded_by_somebody() -> None:
    # Given the module through which all stages report
    tree = ast.parse((ROOT / "monitoring" / "recorder.py").read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    # Then no metric is declared for nothing
    assert set(METRICS) - used == set()


def test_every_report_is_made_by_some_stage() -> None:
    # Given what can be reported
    tree = ast.parse((ROOT / "monitoring" / "recorder.py").read_text())
    reports = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    # When the workers and the front door are searched for who reports it
    files = [file for part in ("workers", "producers") for file in (ROOT / part).rglob("*.py")]
    code = "".join(file.read_text() for file in files)
    # Then no metric stays at 0 for ever
    assert {report for report in reports if f"recorder.{report}(" not in code} == set()


def test_prometheus_has_nothing_to_say_against_the_metrics() -> None:
    # Given a time series of every metric
    registry = CollectorRegistry()
    for metric in METRICS.values():
        registry.register(metric)
        if metric._labelnames:
            metric.labels(*("any" for _ in metric._labelnames))
    # When Prometheus's linter reads them
    text = generate_latest(registry).decode()
    # Then it is content; but it takes `_created`, the client's own addition, for a metric of ours
    ours = [line for line in text.splitlines() if "_created" not in line]
    assert promtool("check", "metrics", input="\n".join(ours) + "\n") == ""
