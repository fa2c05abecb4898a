"""The page of EMR's events says what the code takes."""

from __future__ import annotations

from typing import Any

import yaml

from tagfleet.models.settings import SETTINGS
from tagfleet.workers.emr_events.parse import CLUSTER_CHANGE, STEP_CHANGE

from .blocks import ROOT, labelled

PAGE = "docs/events.md"


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's own tags (`!Ref`) as their text."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: f"{suffix} {node.value}")


def test_the_stack_leads_every_kind_of_event_that_is_read_to_the_queue() -> None:
    resources: dict[str, Any] = yaml.load(labelled(PAGE, "stack").code, Loader=_Template)[
        "Resources"
    ]
    pattern = resources["Rule"]["Properties"]["EventPattern"]
    assert pattern == {"source": ["aws.emr"], "detail-type": [STEP_CHANGE, CLUSTER_CHANGE]}
    assert resources["Rule"]["Properties"]["Targets"][0]["Arn"] == "GetAtt Queue.Arn"


def test_every_setting_that_the_page_names_is_one() -> None:
    text = (ROOT / PAGE).read_text()
    named = {
        word
        for word in text.replace("`", " ").replace("=", " ").split()
        if word.startswith("TAGFLEET_")
    }
    assert named <= {setting.variable for setting in SETTINGS.values()}
