"""`tagfleet job`: submit, get, list, wait, logs, kill, explain."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from pymongo.errors import AutoReconnect

from ...models import jobs
from ...models.aws import AwsClients
from ...models.embedded_mongodb import database_for
from ...models.errors import InvalidInput, JobNotFound, TagfleetError
from ...models.job import Job
from ...models.job_logs import read_log
from ...models.job_view import dump
from ...models.local_addresses import use_running
from ...models.printing import add_output, print_data, print_table
from ...models.resources import JobRequest
from ...models.schemas import load_job_request
from ...models.settings import Settings
from ...models.states import JobStatus
from ...models.storage import open_storage
from ...models.waiting import queues_of
from ...routing_rules.decision_text import render_decision
from ...routing_rules.positions import read_file
from ..explaining import explained
from ..submit import submit

#: How often a waiting command looks, in seconds.
POLL_SECONDS = 0.5

#: How long a published job may take to be recorded before `wait` says that it is unknown, in seconds.
RECORD_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("submit", help="submit a job")
    verb.add_argument("-f", "--file", type=Path, required=True, help="the request, YAML or JSON")
    verb.add_argument("--wait", action="store_true", help="follow the job to its end")
    verb.set_defaults(run=_submit)
    verb = verbs.add_parser("get", help="show one job")
    verb.add_argument("id", metavar="ID")
    add_output(verb)
    verb.set_defaults(run=_get)
    verb = verbs.add_parser("list", help="show jobs, newest first")
    verb.add_argument("--status", type=_status, metavar="STATUS")
    verb.add_argument("--user")
    verb.add_argument("--tag")
    verb.add_argument("--limit", type=int, default=50, metavar="N")
    add_output(verb)
    verb.set_defaults(run=_list)
    verb = verbs.add_parser(
        "wait", help="wait for a job's end; exit code 0 if it succeeded, else 1"
    )
    verb.add_argument("id", metavar="ID")
    verb.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="give up after this long (exit code 1)"
    )
    verb.set_defaults(run=_wait)
    verb = verbs.add_parser("logs", help="print what a job wrote")
    verb.add_argument("id", metavar="ID")
    verb.add_argument("--stream", choices=("stdout", "stderr", "controller"), default="stdout")
    verb.add_argument(
        "-f", "--follow", action="store_true", help="wait until the logs are archived"
    )
    verb.set_defaults(run=_logs)
    verb = verbs.add_parser("kill", help="ask for a job's end")
    verb.add_argument("id", metavar="ID")
    verb.add_argument("--reason", default="asked for on the command line")
    verb.set_defaults(run=_kill)
    verb = verbs.add_parser("explain", help="say why a job was routed where it was")
    verb.add_argument("id", metavar="ID")
    add_output(verb)
    verb.set_defaults(run=_explain)


def main(arguments: argparse.Namespace) -> int:
    """Run the verb; returns the exit code."""
    settings = Settings.from_environ()
    result: int = arguments.run(settings, arguments)
    return result


def read_request(path: Path) -> JobRequest:
    """Read a request from a YAML or JSON file.

    Raises:
        InvalidInput: It cannot be read, or is no job request.
    """
    documents = read_file(path)
    if len(documents) != 1:
        raise InvalidInput(
            str(path), [f"expected one job request, found {len(documents)} documents"]
        )
    try:
        return load_job_request(documents[0].data)
    except InvalidInput as error:
        raise InvalidInput(str(path), error.problems) from error


def _status(text: str) -> JobStatus:
    try:
        return JobStatus(text.upper())
    except ValueError:
        expected = ", ".join(JobStatus)
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a status: expected one of {expected}"
        ) from None


def _submit(settings: Settings, arguments: argparse.Namespace) -> int:
    request = read_request(arguments.file)
    if settings.amqp_url and not arguments.wait:
        submit(settings, request)
        print(request.id)
        return 0
    with database_for(settings, of_a_running_fleet=arguments.wait):
        submit(settings, request)
        print(request.id, flush=True)
        return _follow(request.id, None) if arguments.wait else 0


def _get(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        job = jobs.get(arguments.id)
        found = dump(job, queues_of([job]).get(job.id))
    if arguments.output != "table":
        print_data(found, arguments.output)
        return 0
    for name, value in found.items():
        if name not in ("history", "rationale", "stagedFiles", "stderrTail", "attempts", "queue"):
            print(f"{name:<18}  {','.join(map(str, value)) if isinstance(value, list) else value}")
    if queue := found.get("queue"):
        print(f"{'queue':<18}  position {queue['position']}: {queue['reason']}")
    for each in found.get("attempts", ()):
        print(f"{'attempt ' + str(each['attempt']):<18}  lost: {each['cause']}")
    for entry in found["history"]:
        print(f"{entry['time']}  {entry['status']:<9}  {entry['message']}")
    return 0


def _list(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.limit < 1:
        raise InvalidInput("--limit", [f"expected 1 or more, found {arguments.limit}"])
    with database_for(settings):
        found = jobs.find(
            status=arguments.status, user=arguments.user, tag=arguments.tag, limit=arguments.limit
        )
        queues = queues_of(found)
    rows = [dump(job, queues.get(job.id)) for job in found]
    if arguments.output == "table":
        print_table(rows, ["id", "name", "user", "status", "clusterName", "created", "statusMsg"])
    else:
        print_data(rows, arguments.output)
    return 0


def _wait(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings, of_a_running_fleet=True):
        return _follow(arguments.id, arguments.timeout)


def _follow(job_id: str, timeout: float | None) -> int:
    """Print each change of status as it is seen; the last lines of stderr when the job failed."""
    begin, shown = time.monotonic(), 0
    while True:
        job = _if_recorded(job_id, begin)
        if job:
            for entry in job.history[shown:]:
                print(
                    f"{entry.time:%H:%M:%S}  {entry.status:<9}  {entry.message}",
                    file=sys.stderr,
                    flush=True,
                )
            shown = len(job.history)
            if job.status.is_terminal and (job.archive_status or job.status is JobStatus.INVALID):
                return _end(job)
        if timeout is not None and time.monotonic() - begin > timeout:
            state = job.status if job else "not recorded yet"
            raise TagfleetError(f"Job {job_id} has not ended after {timeout:g} s: it is {state}.")
        time.sleep(POLL_SECONDS)


def _if_recorded(job_id: str, begin: float) -> Job | None:
    try:
        return jobs.get(job_id)
    except AutoReconnect:
        return None  # the database is away for a moment; the job is none the worse
    except JobNotFound:
        if time.monotonic() - begin > RECORD_SECONDS:
            raise
        return None


def _end(job: Job) -> int:
    if job.status is JobStatus.SUCCEEDED:
        return 0
    if job.diagnosis:
        print(f"Probable cause: {job.diagnosis.cause}", file=sys.stderr)
        print(job.diagnosis.stderr_tail or "", file=sys.stderr)
    return 1


def _logs(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        job = jobs.get(arguments.id)
        while (
            arguments.follow
            and job.archive_status in (None, "PENDING")
            and job.status is not JobStatus.INVALID
        ):
            time.sleep(POLL_SECONDS)
            job = jobs.get(arguments.id)
    if not job.archive_location:
        reason = job.archive_message or f"it is {job.status}"
        raise TagfleetError(
            f"Job {job.id} has no archived logs: {reason}. `tagfleet job logs -f` waits for them."
        )
    with use_running(settings):
        archive = open_storage(job.archive_location, AwsClients())
        for piece in read_log(archive, arguments.stream):
            sys.stdout.buffer.write(piece)
    return 0


def _kill(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        asked = jobs.ask_to_kill(arguments.id, arguments.reason)
        job = jobs.get(arguments.id)
    known = "" if job.status.is_terminal else "somebody asked for its end before; "
    print(
        "Asked for its end." if asked else f"Nothing to do: {known}it is {job.status}.",
        file=sys.stderr,
    )
    return 0


def _explain(settings: Settings, arguments: argparse.Namespace) -> int:
    with database_for(settings):
        job = jobs.get(arguments.id)
        if job.rationale() is None and not job.rules_digest:
            raise TagfleetError(
                f"Job {job.id} was not routed: it is {job.status} ({job.status_message})"
            )
        found = explained(job, settings)
    if arguments.output == "table":
        print(render_decision(found))
    else:
        print_data(found, arguments.output)
    return 0
