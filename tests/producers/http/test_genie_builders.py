"""Each of the job builders of Genie's client: what it builds runs, with the files that it makes."""

from __future__ import annotations

import ast
from pathlib import Path

import pygenie.client
import pygenie.jobs.running
import pytest
from pygenie.conf import GenieConf
from pygenie.jobs.core import GenieJob
from pygenie.jobs.hadoop import HadoopJob
from pygenie.jobs.hive import HiveJob
from pygenie.jobs.pig import PigJob
from pygenie.jobs.presto import PrestoJob
from pygenie.jobs.running import RunningJob
from pygenie.jobs.sqoop import SqoopJob

# The client leaves the files open that it sends.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def output_of(job: GenieJob) -> str:
    """Run the job to its end; what its tool has told (see TOOL)."""
    running: RunningJob = job.execute()
    running.wait(sleep_seconds=0.2, suppress_stream=True)
    assert running.status == "SUCCEEDED", (running.status_msg, running.stderr())
    return str(running.stdout())


@pytest.fixture
def properties(tmp_path: Path) -> str:
    """A file of properties on the user's machine."""
    path = tmp_path / "my.properties"
    path.write_text("colour=blue\n")
    return str(path)


def test_genie_job(conf: GenieConf) -> None:
    job = (
        GenieJob(conf)
        .job_name("genie")
        .command_tags("type:genie")
        .command_arguments("one 'two words' three")
    )
    assert "arguments: one two words three\n" in output_of(job)


def test_hadoop_job(conf: GenieConf, properties: str) -> None:
    job = (
        HadoopJob(conf)
        .job_name("hadoop")
        .command("fs -ls /")
        .property("mapred.foo", "fizz")
        .property_file(properties)
    )
    output = output_of(job)
    assert "arguments: fs -conf my.properties -Dmapred.foo=fizz -ls /\n" in output
    assert "== my.properties\ncolour=blue\n" in output


def test_hive_job(conf: GenieConf, properties: str) -> None:
    job = (
        HiveJob(conf)
        .query("select '${day}' from t where a = \"b\"")
        .parameter("day", "it's $5")
        .hiveconf("hive.x", "y")
        .headers()
        .property_file(properties)
        .post_cmd_args(["--silent"])
    )
    output = output_of(job)
    assert "-f script.hive --silent\n" in output
    assert "== script.hive\nselect 'it's $5' from t where a = \"b\"\n" in output
    assert "== _hive_parameters.txt\nSET hivevar:day=it's $5;\n" in output
    assert "--hiveconf hive.cli.print.header=true" in output


def test_pig_job(conf: GenieConf, properties: str, tmp_path: Path) -> None:
    script = tmp_path / "count.pig"
    script.write_text("a = load 'x';\n")
    job = (
        PigJob(conf)
        .script(str(script))
        .parameter("day", "20261123")
        .parameter_file(properties)
        .property("a", "b")
    )
    output = output_of(job)
    assert "== count.pig\na = load 'x';\n" in output
    assert "-Da=b" in output
    assert '== _pig_parameters.txt\nday = "20261123"\n' in output


def test_presto_job(conf: GenieConf) -> None:
    job = (
        PrestoJob(conf)
        .script("select * from t -- the end")
        .option("debug")
        .session("hive.max_initial_split_size", "4MB")
        .headers()
    )
    output = output_of(job)
    assert "--session hive.max_initial_split_size=4MB --debug" in output
    assert "== script.presto\nselect * from t -- the end\n;\n" in output


def test_sqoop_job(conf: GenieConf) -> None:
    job = (
        SqoopJob(conf)
        .job_name("sqoop")
        .cmd("export")
        .connect("jdbc:mysql://db/$x")
        .table("t")
        .split_by("id")
        .target_dir("/d")
        .option("username", "u")
        .password("p")
        .property("k", "v")
    )
    output = output_of(job)
    assert "arguments: export -Dk=v --options-file _sqoop_options.txt\n" in output
    assert "--connect\n'jdbc:mysql://db/$x'\n" in output


@pytest.mark.parametrize("judge", [pygenie.client.Genie, RunningJob])
def test_no_public_part_of_the_client_is_left_out(judge: type) -> None:
    # Given all names that the tests of this folder use
    used: set[str] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                used.add(node.attr)
            # As in getattr(genie, f"add_tags_for_{kind}").
            elif isinstance(node, ast.JoinedStr):
                used |= _expanded(node)
    # Then every method and property of the client is among them
    public = {name for name in vars(judge) if not name.startswith("_")}
    assert public - used == set()


def _expanded(node: ast.JoinedStr) -> set[str]:
    """The names that a text with blanks for verb, part and kind may become."""
    choices = {
        "verb": ("get", "add", "update", "remove_all"),
        "part": ("configs", "dependencies", "tags"),
        "kind": ("application", "command", "cluster"),
    }
    found = {""}
    for value in node.values:
        if isinstance(value, ast.Constant):
            found = {text + str(value.value) for text in found}
        elif isinstance(value, ast.FormattedValue) and isinstance(value.value, ast.Name):
            words = choices.get(value.value.id, ("",))
            found = {text + word for text in found for word in words}
    return found
