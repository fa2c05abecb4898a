"""The fleet's page, the search, and a job's page, in a real Chromium against a running fleet."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

import pytest
import requests
from playwright.sync_api import Page, expect
from tests.flow.fleet_process import PATIENCE_SECONDS, FleetProcess

from .checks import problems_of

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\" ' & %"

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def address(fleet: FleetProcess) -> str:
    """Where the fleet serves HTTP."""
    return fleet.addresses["http"]


@pytest.fixture(scope="module")
def done(address: str) -> str:
    """A job that has ended well, as its pages show it."""
    job_id = submit(address, "echo first; echo '<b>second</b>'; echo oops >&2", tags=["team:web"])
    return ended(address, job_id)


@pytest.fixture(scope="module")
def hostile(address: str) -> str:
    """A job that has ended, whose every text is an attack."""
    job_id = submit(
        address, f"echo '{HOSTILE[:24]}'", name=HOSTILE, user="<i>mallory</i>", description=HOSTILE,
        tags=["<b>tag</b>"], grouping=HOSTILE, groupingInstance=HOSTILE,
    )  # fmt: skip
    return ended(address, job_id)


@pytest.fixture
def sleeping(address: str) -> Iterator[str]:
    """A job that runs until it is killed."""
    job_id = submit(address, "echo begun; sleep 600", name="sleeper")
    yield job_id
    requests.delete(f"{address}/api/v3/jobs/{job_id}", timeout=10)


@pytest.fixture
def waiting(address: str) -> Iterator[str]:
    """A job that waits: the one cluster it may run on is out of service."""
    drained = {
        "id": "later", "name": "later", "user": "ops", "version": "1", "status": "OUT_OF_SERVICE",
        "tags": ["type:bash", "sched:later"],
        "engine": {"type": "emr", "clusterId": "j-LATER", "region": "us-east-1"},
    }  # fmt: skip
    requests.post(f"{address}/api/v3/clusters", json=drained, timeout=10).raise_for_status()
    job_id = submit(address, "true", clusterCriterias=[{"tags": ["sched:later"]}])
    yield job_id
    requests.delete(f"{address}/api/v3/jobs/{job_id}", timeout=10)
    requests.delete(f"{address}/api/v3/clusters/later", timeout=10)


def test_the_first_page_shows_the_fleet(tab: Page, done: str) -> None:
    """Given a fleet with a job that has ended / then figures, clusters and tag groups lead to the jobs."""
    # when
    tab.goto("/")

    # then
    expect(tab).to_have_title("Fleet · tagfleet")
    expect(tab.get_by_role("heading", name="What waits, and why")).to_be_visible()
    clusters = tab.get_by_role("region", name="Clusters")
    expect(clusters.get_by_role("progressbar", name="Slots of main in use")).to_be_visible()
    expect(tab.get_by_role("table").last).to_contain_text("default")

    # and when
    tab.get_by_role("list", name="Jobs by state").get_by_role("link", name="succeeded").click()

    # then
    expect(tab).to_have_url(re.compile(r"/jobs\?status=SUCCEEDED$"))
    expect(tab.get_by_role("checkbox", name="Succeeded")).to_be_checked()


def test_a_search_is_an_address_that_can_be_shared(
    tab: Page, open_tab: Callable[..., Page], done: str, hostile: str
) -> None:
    """Given two jobs / when one is searched for by the form / then its address finds it for others, too."""
    # given
    tab.goto("/jobs")

    # when
    tab.get_by_label("User").fill("ana")
    tab.get_by_label("Tags").fill("team:w%")
    tab.get_by_role("checkbox", name="Succeeded").check()
    tab.get_by_text("More filters").click()
    tab.get_by_label("Started from (UTC)").fill("2020-01-01T00:00")
    tab.get_by_role("button", name="Search").click()

    # then
    results = tab.get_by_role("region", name="Jobs found").get_by_role("rowheader")
    expect(results).to_have_count(1)
    expect(results).to_contain_text(done)
    assert "&name=" not in tab.url
    assert "grouping" not in tab.url

    # and when
    other = open_tab()
    other.goto(tab.url)

    # then
    expect(other.get_by_role("region", name="Jobs found")).to_contain_text(done)
    expect(other.get_by_label("Tags")).to_have_value("team:w%")

    # and when
    other.get_by_role("link", name="User: ana").click()

    # then
    expect(other.get_by_label("User")).to_have_value("")
    expect(other.get_by_label("Tags")).to_have_value("team:w%")


def test_a_jobs_page_tells_all_of_it(tab: Page, done: str, address: str) -> None:
    """Given a job that has ended / then its page has its way, its reasons, its log and its files."""
    # when
    tab.goto(f"/jobs/{done}")

    # then
    steps = tab.get_by_role("region", name="Timeline").get_by_role("listitem").locator("strong")
    assert steps.all_inner_texts() == [
        "Reserved", "Resolved", "Accepted", "Claimed", "Init", *steps.all_inner_texts()[5:-1], "Succeeded",
    ]  # fmt: skip
    reasons = tab.get_by_role("region", name="Why it went there")
    expect(reasons).to_contain_text("Command bash on cluster main")
    tree = reasons.locator("details", has_text="Commands and clusters")
    expect(tree.get_by_role("list").first).to_contain_text("Command asked for: type:bash")
    expect(tab.get_by_role("log")).to_have_text("first\n<b>second</b>")

    # and when
    tab.get_by_role("link", name="stderr").first.click()

    # then
    expect(tab.get_by_role("log")).to_have_text("oops")
    file = tab.get_by_role("region", name="Files").get_by_role("link", name="stdout")
    assert requests.get(f"{address}{file.get_attribute('href')}", timeout=10).text.startswith(
        "first\n"
    )


def test_what_waits_says_why(open_tab: Callable[..., Page], waiting: str) -> None:
    """Given a job whose cluster is out of service / then the fleet's page says so, and its own names what is missing."""
    # given
    tab = open_tab(viewport={"width": 390, "height": 844})

    # when
    tab.goto("/")

    # then
    row = tab.get_by_role("region", name="What waits, and why").get_by_role("row")
    expect(row.filter(has_text="waits for later (OUT_OF_SERVICE)")).to_be_visible()
    assert problems_of(tab) == []

    # and when
    tab.goto(f"/jobs/{waiting}")

    # then
    expect(tab.locator("#job-head")).to_contain_text("Number 1 in the queue")
    why = tab.get_by_role("region", name="Why it waits")
    expect(why).to_contain_text("later: status is OUT_OF_SERVICE, not UP")
    assert problems_of(tab) == []


def test_a_job_is_killed_after_a_question_by_keyboard_alone(tab: Page, sleeping: str) -> None:
    """Given a running job / when it is killed with the keyboard / then it is asked about first, and its page shows the end."""
    # given
    tab.goto(f"/jobs/{sleeping}")
    head = tab.locator("#job-head")
    expect(head).to_contain_text("Running")

    # when
    reach(tab, tab.get_by_role("link", name="Kill"))
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="Kill this job?")).to_be_visible()
    reach(tab, tab.get_by_role("button", name="Kill the job"))
    tab.keyboard.press("Enter")

    # then
    expect(tab).to_have_url(re.compile(f"/jobs/{sleeping}$"))
    expect(head).to_contain_text("Killed")
    expect(tab.get_by_role("link", name="Kill")).to_have_count(0)


def test_a_job_is_run_again_under_a_new_id(tab: Page, done: str, address: str) -> None:
    """Given a job that has ended / when it is run again / then the same request is another job."""
    # given
    tab.goto(f"/jobs/{done}")

    # when
    tab.get_by_role("link", name="Run again").click()
    tab.get_by_role("button", name="Run again").click()

    # then
    expect(tab.locator("#job-head")).to_contain_text("Succeeded")
    again = tab.url.rpartition("/")[2]
    assert again != done
    asked = [
        requests.get(f"{address}/api/v3/jobs/{job_id}/request", timeout=10).json()
        for job_id in (done, again)
    ]
    assert asked[0]["commandArgs"] == asked[1]["commandArgs"]


def test_a_page_follows_its_job(tab: Page, address: str) -> None:
    """Given the page of a job that runs / then it shows the end and the log without being loaded again."""
    # given
    job_id = submit(address, "echo begun; sleep 2; echo over")
    tab.goto(f"/jobs/{job_id}")
    tab.evaluate("window.same = true")

    # then
    expect(tab.locator("#job-head")).to_contain_text("Succeeded")
    expect(tab.get_by_role("log")).to_have_text("begun\nover")
    assert tab.evaluate("window.same") is True


def test_everything_reads_without_scripts(
    open_tab: Callable[..., Page], done: str, sleeping: str
) -> None:
    """Given a browser without scripts / then the pages say the same, and a job can be killed."""
    # given
    tab = open_tab(java_script_enabled=False)

    # when
    tab.goto("/")
    tab.get_by_role("link", name="Jobs", exact=True).click()
    tab.get_by_label("Id", exact=True).fill(done)
    tab.get_by_role("button", name="Search").click()
    tab.get_by_role("rowheader").get_by_role("link").click()

    # then
    expect(tab.get_by_role("log")).to_have_text("first\n<b>second</b>")
    expect(tab.get_by_role("region", name="Timeline")).to_contain_text("Succeeded")

    # and when
    tab.goto(f"/jobs/{sleeping}")
    tab.get_by_role("link", name="Kill").click()
    tab.get_by_role("button", name="Kill the job").click()

    # then
    expect(tab).to_have_url(re.compile(f"/jobs/{sleeping}$"))
    expect(tab.locator("main")).to_contain_text(re.compile("asked for|Killed"))


def test_what_users_write_stays_text(tab: Page, hostile: str) -> None:
    """Given a job whose texts are scripts and elements / then pages show them as they were written."""
    for path in ("/", "/jobs", f"/jobs/{hostile}", f"/jobs/{hostile}/run-again"):
        # when
        tab.goto(path)

        # then
        assert tab.locator("main :is(script, img, i, b)").count() == 0
    tab.goto(f"/jobs/{hostile}")
    expect(tab.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(tab.get_by_role("log")).to_have_text(HOSTILE[:24])

    # and when
    tab.get_by_role("link", name=HOSTILE).first.click()

    # then
    expect(tab.get_by_role("region", name="Jobs found")).to_contain_text(hostile)


@pytest.mark.parametrize("width", [390, 1280])
def test_pages_are_accessible(
    open_tab: Callable[..., Page], done: str, hostile: str, width: int
) -> None:
    """Given a phone or a desk, light or dark / then names, headings, contrast and width are right."""
    # given
    tab = open_tab(viewport={"width": width, "height": 844})
    paths = ("/", "/jobs", "/jobs?user=%25&status=SUCCEEDED", f"/jobs/{done}", f"/jobs/{hostile}",
             f"/jobs/{hostile}/kill", f"/jobs/{hostile}/run-again")  # fmt: skip
    for path in paths:
        # when
        answer = tab.goto(path)
        assert answer
        assert answer.ok, path
        tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")

        # then
        for scheme in SCHEMES:
            tab.emulate_media(color_scheme=scheme)
            assert problems_of(tab) == [], (path, scheme)


def test_the_keyboard_skips_the_navigation(tab: Page, done: str) -> None:
    """Given a page / when the first key is Tab and the next Enter / then the content has the focus, and it is seen."""
    # given
    tab.goto("/jobs")

    # when
    tab.keyboard.press("Tab")

    # then
    skip = tab.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    assert skip.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"

    # and when
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")

    # then
    expect(tab.get_by_label("Name")).to_be_focused()


def test_nothing_moves_for_who_asks_for_it(open_tab: Callable[..., Page], sleeping: str) -> None:
    """Given a reader who wants no motion / then the sign of a running job stands still."""
    # given
    tab = open_tab(reduced_motion="reduce")

    # when
    tab.goto(f"/jobs/{sleeping}")

    # then
    assert tab.evaluate("document.getAnimations().length") == 0


def test_an_error_is_a_page(open_tab: Callable[..., Page]) -> None:
    """Given an address that leads nowhere / then a page says so, and leads back."""
    # given
    tab = open_tab(may_fail=True)
    for path, status in (("/jobs/none", 404), ("/nothing", 404), ("/jobs?startedFrom=never", 400)):
        # when
        answer = tab.goto(path)

        # then
        assert answer
        assert answer.status == status
        assert problems_of(tab) == []
        expect(tab.get_by_role("link", name="Fleet", exact=True)).to_be_visible()


def submit(address: str, script: str, **parts: Any) -> str:
    """Submit a job that runs a line of bash; its id."""
    body = {
        "id": str(uuid.uuid4()), "name": "line", "user": "ana", "version": "1",
        "commandCriteria": ["type:bash"], "clusterCriterias": [{"tags": ["type:bash"]}],
        "commandArgs": [script], **parts,
    }  # fmt: skip
    requests.post(f"{address}/api/v3/jobs", json=body, timeout=10).raise_for_status()
    return str(body["id"])


def ended(address: str, job_id: str) -> str:
    """Wait until a job has ended and its logs are there; its id."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        job = requests.get(f"{address}/api/v3/jobs/{job_id}", timeout=10).json()
        if job["status"] == "SUCCEEDED" and job.get("archiveLocation"):
            return job_id
        assert job["status"] not in ("FAILED", "INVALID", "KILLED"), job
        time.sleep(0.1)
    raise AssertionError(f"{job_id} has not ended")


def reach(tab: Page, target: Any) -> None:
    """Press Tab until something has the focus."""
    for _ in range(60):
        if target.evaluate("node => node === document.activeElement"):
            return
        tab.keyboard.press("Tab")
    raise AssertionError("the keyboard does not get there")
