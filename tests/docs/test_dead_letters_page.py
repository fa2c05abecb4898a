"""The commands of the page about dead letters do what the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tagfleet.models.amqp import AmqpConnection
from tagfleet.models.queues import topology
from tagfleet.workers.broker.dead_letters import dead_letter
from tagfleet.workers.broker.topology import declare

from ..models.samples import request_data
from ..rabbitmq import RabbitNode
from ..workers.samples import a_delivery
from .blocks import blocks_of, labelled

PAGE = "docs/dead-letters.md"
ID = "5d41402abc4b"


@pytest.mark.parametrize("label", ["look", "replay", "drop"])
def test_the_commands_work_on_a_letter(
    amqp_url: str, mongodb_url: str, mongodb: object, tmp_path: Path, label: str
) -> None:
    # Given a fleet's queues with two letters
    declare(amqp_url, topology(["etl"]))
    with AmqpConnection(amqp_url) as connection:
        for number in range(2):
            body = request_data(id=f"job-{number}")
            connection.publish_all([dead_letter(a_delivery(body), "It is too large.")])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        "PATH": path,
        "LANG": "C.UTF-8",
        "TAGFLEET_AMQP_URL": amqp_url,
        "TAGFLEET_MONGODB_URL": mongodb_url,
    }

    def run(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    letter = json.loads(run("tagfleet dead-letters list -o json"))[0]["id"]
    # When each command is given as it stands on the page
    commands = labelled(PAGE, f"run: {label}").commands
    printed = [run(command.replace(ID, letter)) for command in commands]
    # Then
    assert letter in printed[0]
    left = json.loads(run("tagfleet dead-letters list -o json"))
    assert len(left) == (2 if label == "look" else 0)


def test_the_policy_can_be_set(rabbitmq: RabbitNode, amqp_url: str) -> None:
    [command] = [
        command
        for block in blocks_of(PAGE)
        for command in block.commands
        if command.startswith("rabbitmqctl")
    ]
    _, verb, name, pattern, definition = re.findall(r"'[^']*'|\S+", command)[:5]
    vhost = amqp_url.rpartition("/")[2]
    rabbitmq.ctl(verb, "-p", vhost, name, pattern.strip("'"), definition.strip("'"))
    assert "5000" in rabbitmq.ctl("list_policies", "-p", vhost)
