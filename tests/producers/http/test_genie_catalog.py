"""Every method of Genie's client that is about the catalog, on the running fleet."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pygenie.client import Genie


@pytest.fixture
def mark() -> str:
    """A word that only this test's entries bear."""
    return f"m{uuid.uuid4().hex[:8]}"


def entry(mark: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{mark}-{number}",
        "name": f"{mark}-name",
        "user": "ops",
        "version": "1",
        "status": "ACTIVE",
        "tags": [mark],
        **more,
    }


def command(mark: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return entry(mark, number, executable="spark-submit --verbose", checkDelay=5000, **more)


def cluster(mark: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {**entry(mark, number), "status": "UP", **more}


def own(tags: list[str]) -> list[str]:
    """The tags without those that every entry bears."""
    return sorted(tag for tag in tags if not tag.startswith("genie."))


@pytest.fixture
def clean(genie: Genie, mark: str) -> Iterator[None]:
    """Takes away what the test has made."""
    yield
    for found in genie.get_clusters({"name": f"{mark}%"}):
        genie.delete_cluster(found["id"])
    for found in genie.get_commands({"name": f"{mark}%"}):
        genie.delete_command(found["id"])
    for found in genie.get_applications({"name": f"{mark}%"}):
        genie.delete_application(found["id"])


pytestmark = pytest.mark.usefixtures("clean")


def test_an_application_from_its_making_to_its_end(genie: Genie, mark: str) -> None:
    # When it is made, replaced and patched
    assert genie.create_application(entry(mark, type="spark")) == f"{mark}-1"
    genie.update_application(entry(mark, version="2", type="spark"))
    genie.patch_application(f"{mark}-1", [{"op": "replace", "path": "/version", "value": "3"}])
    # Then it is read back so, with its links
    found = genie.get_application(f"{mark}-1")
    assert (found["version"], found["type"], found["status"]) == ("3", "spark", "ACTIVE")
    assert found["_links"]["self"]["href"].endswith(f"/api/v3/applications/{mark}-1")
    assert found["created"].endswith("Z")
    assert f"genie.id:{mark}-1" in found["tags"]
    # And it is gone when it was deleted
    genie.delete_application(f"{mark}-1")
    assert genie.get_application(f"{mark}-1") is None


def test_lists_are_read_page_by_page_and_filtered(genie: Genie, mark: str) -> None:
    # Given five applications
    for number in range(5):
        status = "DEPRECATED" if number == 4 else "ACTIVE"
        genie.create_application(entry(mark, number, status=status, type=f"t{number}"))
    # Then they come in pages of two, as patterns, statuses, tags and types ask for them
    pattern = {"name": f"{mark}%"}
    every = [each["id"] for each in genie.get_applications(dict(pattern), req_size=2)]
    assert sorted(every) == [f"{mark}-{number}" for number in range(5)]

    def ids(**filters: Any) -> list[str]:
        return [each["id"] for each in genie.get_applications({**pattern, **filters})]

    assert ids(status="DEPRECATED") == [f"{mark}-4"]
    assert len(ids(status=["ACTIVE", "DEPRECATED"])) == 5
    assert ids(tag=[mark, f"genie.id:{mark}-2"]) == [f"{mark}-2"]
    assert ids(type="t3") == [f"{mark}-3"]
    assert ids(user="nobody") == []


@pytest.mark.parametrize("kind", ["application", "command", "cluster"])
def test_the_lists_within_an_entry(genie: Genie, mark: str, kind: str) -> None:
    # Given an entry of the kind
    made = {"application": entry, "command": command, "cluster": cluster}[kind](mark)
    entry_id = getattr(genie, f"create_{kind}")(made)
    for part in ("configs", "dependencies", "tags"):

        def call(verb: str, *values: Any, part: str = part) -> Any:
            return getattr(genie, f"{verb}_{part}_for_{kind}")(entry_id, *values)

        # When values are added, replaced and removed, then they are read back so
        call("update", ["s3://b/one"])
        call("add", ["s3://b/two", "s3://b/one"])
        assert own(call("get")) == ["s3://b/one", "s3://b/two"]
        call("update", ["s3://b/three"])
        assert own(call("get")) == ["s3://b/three"]
        call("update", [])
        assert own(call("get")) == []
        call("add", ["s3://b/four"])
        if (kind, part) != ("command", "configs"):
            call("remove_all")
            assert own(call("get")) == []
    # And one tag of several, with a slash in it
    getattr(genie, f"add_tags_for_{kind}")(entry_id, ["a/b:c", "d"])
    getattr(genie, f"remove_tag_for_{kind}")(entry_id, "a/b:c")
    assert own(getattr(genie, f"get_tags_for_{kind}")(entry_id)) == ["d"]


def test_the_client_s_way_to_remove_a_command_s_configs_deletes_the_command(
    genie: Genie, mark: str
) -> None:
    # Given a command; the client sends DELETE to the command itself, not to its configs
    genie.create_command(command(mark))
    genie.remove_all_configs_for_command(f"{mark}-1")
    # Then that is what happens, as with Genie
    assert genie.get_command(f"{mark}-1") is None


def test_a_command_from_its_making_to_its_end(genie: Genie, mark: str) -> None:
    # When it is made by Genie 3's string, replaced and patched
    assert genie.create_command(command(mark)) == f"{mark}-1"
    found = genie.get_command(f"{mark}-1")
    assert found.executable == "spark-submit --verbose"
    assert found.executableAndArguments == ["spark-submit", "--verbose"]
    # Then what was read can be sent back
    found["executable"] = "spark-submit 'two words'"
    genie.update_command(found)
    assert genie.get_command(found.id).executableAndArguments == ["spark-submit", "two words"]
    operation = {"op": "replace", "path": "/executable", "value": "pyspark"}
    genie.patch_command(found.id, [operation])
    assert genie.get_command(found.id).executableAndArguments == ["pyspark"]
    assert [each.id for each in genie.get_commands({"tag": mark, "status": "ACTIVE"})] == [found.id]
    genie.delete_command(found.id)
    assert genie.get_command(found.id) is None


def test_a_command_s_applications_are_in_order(genie: Genie, mark: str) -> None:
    # Given three applications and a command
    ids = [genie.create_application(entry(mark, number)) for number in range(3)]
    genie.create_command(command(mark, 9))

    def there() -> list[str]:
        return [each["id"] for each in genie.get_applications_for_command(f"{mark}-9")]

    # When they are set, added and removed
    genie.set_application_for_command(f"{mark}-9", [ids[2], ids[0]])
    genie.add_applications_for_command(f"{mark}-9", [ids[1]])
    # Then their order is the order in which they were given
    assert there() == [ids[2], ids[0], ids[1]]
    assert [each["id"] for each in genie.get_commands_for_application(ids[1])] == [f"{mark}-9"]
    assert genie.get_commands_for_application(ids[1], status="INACTIVE") == []
    genie.remove_application_for_command(f"{mark}-9", ids[0])
    assert there() == [ids[2], ids[1]]
    genie.remove_all_applications_for_command(f"{mark}-9")
    assert there() == []


def test_a_cluster_from_its_making_to_its_end(genie: Genie, mark: str) -> None:
    assert genie.create_cluster(cluster(mark)) == f"{mark}-1"
    found = genie.get_cluster(f"{mark}-1")
    assert (found.status, own(found.tags)) == ("UP", [mark])
    found["status"] = "OUT_OF_SERVICE"
    genie.update_cluster(found.id, found)
    genie.patch_cluster(found.id, [{"op": "add", "path": "/description", "value": "drained"}])
    assert genie.get_cluster(found.id).description == "drained"
    shown = [each.id for each in genie.get_clusters({"tag": mark, "status": "OUT_OF_SERVICE"})]
    assert shown == [found.id]
    genie.delete_cluster(found.id)
    assert genie.get_cluster(found.id) is None


def test_a_cluster_s_commands_are_the_commands_criteria(genie: Genie, mark: str) -> None:
    # Given a cluster, and commands that do not ask for it
    genie.create_cluster(cluster(mark, 0))
    ids = [genie.create_command(command(mark, number)) for number in (1, 2, 3)]

    def there(**status: str) -> list[str]:
        return [each.id for each in genie.get_commands_for_cluster(f"{mark}-0", **status)]

    assert there() == []
    # When commands are added, set and removed, then they are read back so from both sides
    genie.add_commands_for_cluster(f"{mark}-0", ids[:2])
    assert there() == ids[:2]
    assert there(status="INACTIVE") == []
    assert genie.get_command(ids[0]).clusterCriteria == [{"id": f"{mark}-0", "tags": []}]
    genie.set_commands_for_cluster(f"{mark}-0", [ids[2], ids[0]])
    assert there() == [ids[0], ids[2]]
    clusters = genie.get_clusters_for_command(ids[2])
    assert [each["id"] for each in clusters] == [f"{mark}-0"]
    genie.remove_commands_for_cluster(f"{mark}-0", ids[0])
    assert there() == [ids[2]]
    genie.update_commands_for_cluster(f"{mark}-0", [{"id": ids[1]}])
    assert there() == [ids[1]]
    genie.remove_all_commands_for_cluster(f"{mark}-0")
    assert there() == []
    # And none of them is a candidate for anything any more
    assert genie.get_command(ids[1]).clusterCriteria == []
