"""The alert rules: read and tested by Prometheus itself, and about time series that exist."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tagfleet.models.queues import DEAD_LETTERS_QUEUE
from tagfleet.models.settings import SETTINGS

from .declared import labels_in, series, unknown_in, used_in
from .promtool import FOLDER, promtool

RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts" / "tagfleet.rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
TESTS: list[dict[str, Any]] = yaml.safe_load(
    (FOLDER / "alerts" / "tagfleet.rules.test.yml").read_text()
)["tests"]
SCRAPES: dict[str, dict[str, Any]] = {
    scrape["job_name"]: scrape
    for scrape in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
}

each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def test_prometheus_accepts_the_rules() -> None:
    assert "3 rules found" in promtool("check", "rules", "alerts/tagfleet.rules.yml")


def test_prometheus_accepts_its_configuration() -> None:
    promtool("check", "config", "prometheus.yml")


def test_the_rules_fire_when_they_should_and_only_then() -> None:
    promtool("test", "rules", "alerts/tagfleet.rules.test.yml")


@each_rule
def test_a_rule_is_tested_both_ways(rule: dict[str, Any]) -> None:
    # Given the cases of its tests
    cases = [
        case
        for test in TESTS
        for case in test["alert_rule_test"]
        if case["alertname"] == rule["alert"]
    ]
    # Then there are some in which it fires, and some in which it does not
    assert {bool(case["exp_alerts"]) for case in cases} == {True, False}


@each_rule
def test_a_rule_looks_at_time_series_that_exist(rule: dict[str, Any]) -> None:
    assert unknown_in(rule["expr"]) == set()
    assert used_in(rule["expr"]) & set(series()), "no metric of ours"


@each_rule
def test_a_rule_matches_labels_that_exist(rule: dict[str, Any]) -> None:
    known = {label for name in used_in(rule["expr"]) for label in series().get(name, {"queue"})}
    assert labels_in(rule["expr"]) <= known


@each_rule
def test_a_rule_tells_whoever_is_woken_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(text.endswith(".") for text in rule["annotations"].values())


@each_rule
def test_a_rule_names_settings_and_queues_that_exist(rule: dict[str, Any]) -> None:
    text = rule["annotations"]["description"] + rule["expr"]
    assert set(re.findall(r"TAGFLEET_\w+", text)) <= {
        setting.variable for setting in SETTINGS.values()
    }
    assert set(re.findall(r"tagfleet\.[\w-]+", text)) <= {DEAD_LETTERS_QUEUE}


def test_a_worker_is_scraped_where_it_serves_by_default() -> None:
    assert SCRAPES["tagfleet"]["static_configs"][0]["targets"] == [SETTINGS["metrics_bind"].default]


def test_rabbitmq_is_asked_for_its_queues_by_name() -> None:
    # Only the detailed endpoint has series that are called rabbitmq_detailed_.
    assert SCRAPES["rabbitmq"]["metrics_path"] == "/metrics/detailed"
    assert SCRAPES["rabbitmq"]["params"]["family"] == [
        "queue_coarse_metrics",
        "queue_consumer_count",
    ]
