"""The Grafana dashboard, held against what Grafana's own linter asks for and the metrics that exist.

The rules are those of grafana/dashboard-linter, as far as they apply to one product with one data source.
"""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from .declared import METRICS, labels_in, name_of, series, unknown_in, used_in
from .promtool import FOLDER, promtool

DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboards" / "tagfleet.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES: dict[str, dict[str, Any]] = {
    variable["name"]: variable for variable in DASHBOARD["templating"]["list"]
}
EXPRESSIONS: list[str] = [target["expr"] for panel in PANELS for target in panel["targets"]]

#: What Grafana puts in for its variables, for a parser that knows none of them.
STAND_INS = {"$__rate_interval": "1m", "$tag_group": ".*", "$cluster": ".*"}

each_panel = pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
each_expression = pytest.mark.parametrize("expression", EXPRESSIONS)


@each_panel
def test_a_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]


@each_panel
def test_a_panel_asks_the_chosen_data_source(panel: dict[str, Any]) -> None:
    sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
    assert {source["uid"] for source in sources} == {"${datasource}"}


@each_panel
def test_the_lines_of_a_panel_are_named(panel: dict[str, Any]) -> None:
    names = [(target["refId"], target["legendFormat"]) for target in panel["targets"]]
    assert all(legend for _, legend in names)
    assert len({reference for reference, _ in names}) == len(names)


@each_expression
def test_an_expression_looks_at_time_series_that_exist(expression: str) -> None:
    assert used_in(expression)
    assert unknown_in(expression) == set()


@each_expression
def test_an_expression_matches_labels_that_exist(expression: str) -> None:
    known = {label for name in used_in(expression) for label in series().get(name, {"queue"})}
    assert labels_in(expression) <= known


@each_expression
def test_a_rate_is_taken_over_the_interval_that_grafana_chooses(expression: str) -> None:
    ranges = re.findall(r"\b(?:rate|increase|irate)\([^\[]*\[([^\]]*)\]", expression)
    assert set(ranges) <= {"$__rate_interval"}


@each_expression
def test_a_counter_is_only_shown_as_a_rate(expression: str) -> None:
    # `rate` before `sum`: the sum of counters falls when one of them begins anew.
    counters = re.findall(r"tagfleet_\w+_(?:total|bucket|sum|count)\b", expression)
    rated = re.findall(r"\brate\(tagfleet_\w+_(?:total|bucket|sum|count)\b", expression)
    assert len(counters) == len(rated)


def test_prometheus_can_read_every_expression(tmp_path: Any) -> None:
    # Given the expressions as rules, with Grafana's variables filled in
    def filled_in(expression: str) -> str:
        for variable, stand_in in STAND_INS.items():
            expression = expression.replace(variable, stand_in)
        return expression

    rules = [
        {"record": f"panel:{number}", "expr": filled_in(expression)}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    # Then Prometheus reads them all
    assert f"{len(EXPRESSIONS)} rules found" in promtool("check", "rules", str(file))


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        re.sub(r"_(total|bucket|sum|count)$", "", name)
        for text in EXPRESSIONS
        for name in used_in(text)
    }
    assert {name_of(metric) for metric in METRICS.values()} - shown == set()


def test_every_variable_is_used_and_every_used_one_exists() -> None:
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(DASHBOARD["panels"])))
    assert used == set(VARIABLES)


def test_the_data_source_is_the_readers_choice() -> None:
    assert VARIABLES["datasource"]["type"] == "datasource"
    assert VARIABLES["datasource"]["query"] == "prometheus"


@pytest.mark.parametrize("name", [name for name in VARIABLES if name != "datasource"])
def test_a_variable_takes_its_values_from_a_label_that_exists(name: str) -> None:
    # Given the query of the variable
    variable = VARIABLES[name]
    query = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])
    # Then its series has that label, and it is asked again when the range of time changes
    assert query
    assert query[2] == name
    assert name in series()[query[1]]
    assert variable["refresh"] == 2
    assert variable["datasource"]["uid"] == "${datasource}"


def test_no_panel_lies_over_another() -> None:
    # Given the places of all panels, rows included
    boxes = [(panel["title"], panel["gridPos"]) for panel in DASHBOARD["panels"]]
    # Then no two of them share a cell
    assert [
        (first, second)
        for (first, one), (second, other) in combinations(boxes, 2)
        if one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    ] == []
    # And none goes beyond the 24 columns of Grafana
    assert [title for title, box in boxes if box["x"] + box["w"] > 24] == []


def test_every_panel_has_a_number_of_its_own() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_the_dashboard_is_changed_in_the_repository() -> None:
    assert DASHBOARD["editable"] is False
    assert DASHBOARD["uid"] == "tagfleet"
