"""What the generated script does when bash really runs it."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tagfleet.models.errors import StagingFailed
from tagfleet.workers.staging import run_script
from tagfleet.workers.staging.arguments import expanding

from .runs import Bench

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=60)
NASTY = st.sampled_from(
    ["", " ", "'", '"', "$(touch pwned)", "`touch pwned`", "${HOME}", "$HOME", "\\", "\n", "!!", "*",
     "; touch pwned", "&& false", "é\u2028漢😀", "-n", "--", "#@exports@", "\r\n", "\x07", "~", "a\\\nb"]
)  # fmt: skip
NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}_X", fullmatch=True)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A staging area in a folder."""
    return Bench(tmp_path)


@settings(max_examples=25, deadline=None)
@given(
    arguments=st.lists(TEXT | NASTY, max_size=8),
    environment=st.dictionaries(NAMES, TEXT | NASTY, max_size=5),
    job_id=st.text(
        st.characters(exclude_characters="/\0", exclude_categories=("Cs", "Cc")),
        min_size=1,
        max_size=255,
    ),
)
def test_the_program_gets_exactly_what_was_asked_for(
    arguments: list[str], environment: dict[str, str], job_id: str
) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        ended = bench.run(bench.recording(*arguments, user_environment=environment, job_id=job_id))
        assert (ended.code, ended.err) == (0, "")
        seen = bench.recorded()
        assert seen["arguments"] == arguments
        assert environment.items() <= seen["environment"].items()
        assert not list(Path(folder).rglob("pwned"))


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(TEXT | NASTY, min_size=1, max_size=5))
def test_in_an_executable_only_variables_are_expanded(parts: list[str]) -> None:
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        # Given texts without variables of their own, around one that is set
        plain = [part.replace("$", "") for part in parts]
        word = "${SOME_X}".join(["", *plain]) + "$SOME_X"
        script = bench.recording(environment={"SOME_X": "$(v)"})
        script = bench.script(*script.executable, word + ")", environment=script.environment)
        assert bench.run(script).code == 0
        assert bench.recorded()["arguments"] == ["$(v)".join(["", *plain]) + "$(v))"]


def test_what_runs_in_an_executable_is_not_run() -> None:
    assert expanding("$(x) `x` ${x:-$(y)} $1 $$ $") == r'"\$(x) \`x\` \${x:-\$(y)} \$1 \$\$ \$"'


def test_the_exit_code_is_handed_back(bench: Bench) -> None:
    assert bench.run(bench.script("bash", arguments=("-c", "exit 37"))).code == 37


def test_a_program_that_is_not_there_is_an_error_of_its_own(bench: Bench) -> None:
    ended = bench.run(bench.script("no-such-program"))
    assert ended.code == 127
    assert "no-such-program" in ended.err
    assert "no-such-program" in ended.read("stderr")


def test_a_variable_that_is_not_set_is_named(bench: Bench) -> None:
    ended = bench.run(bench.script("${NO_SUCH_HOME}/bin/program"))
    assert ended.code != 0
    assert "NO_SUCH_HOME: unbound variable" in ended.err


def test_the_output_is_seen_and_kept(bench: Bench) -> None:
    # Given a job that writes much to both
    lines = 20_000
    program = f"import sys\nfor n in range({lines}): print(n)\nprint('err', file=sys.stderr)"
    ended = bench.run(bench.script(sys.executable, arguments=("-c", program)))
    # Then nothing is lost, nor out of order
    assert ended.out == "".join(f"{n}\n" for n in range(lines)) == ended.read("stdout")
    assert ended.err == "err\n" == ended.read("stderr")


def test_the_folder_is_the_job_s(bench: Bench) -> None:
    bench.put("query.sql", "select 1")
    bench.put("genie/cluster/c1/config/deep/x.conf", "x=1")
    ended = bench.run(bench.script("cat", "query.sql", "${GENIE_CLUSTER_DIR}/config/deep/x.conf"))
    assert ended.out == "select 1x=1"
    files = {p.relative_to(ended.job_folder).as_posix() for p in ended.job_folder.rglob("*")}
    assert files >= {"stdout", "stderr", "genie/logs/setup.log", "genie/logs/env.log"}
    assert not any(name.endswith(".pipe") for name in files)


def test_the_root_of_the_folder_can_be_set(bench: Bench, tmp_path: Path) -> None:
    bench.run(bench.script("touch", "here"), TAGFLEET_JOB_ROOT=str(tmp_path / "big disk"))
    assert (tmp_path / "big disk/j1.1/here").exists()


def test_folders_are_exported(bench: Bench) -> None:
    ended = bench.run(bench.recording())
    seen = bench.recorded()["environment"]
    job = str(ended.job_folder)
    assert seen["GENIE_JOB_DIR"] == job == bench.recorded()["folder"]
    assert seen["GENIE_APPLICATION_DIR"] == f"{job}/genie/applications"
    assert seen["GENIE_COMMAND_DIR"] == f"{job}/genie/command/k1"
    assert seen["GENIE_CLUSTER_DIR"] == f"{job}/genie/cluster/c1"


def test_the_requests_variables_come_last(bench: Bench) -> None:
    bench.run(bench.recording(environment={"A": "fleet"}, user_environment={"A": "user"}))
    assert bench.recorded()["environment"]["A"] == "user"


@pytest.mark.parametrize(
    "name", ["GENIE_JOB_ID", "UID", "BASHOPTS", "tagfleet_job", "1A", "A=B", "A B"]
)
def test_a_variable_that_a_job_cannot_have_is_refused(bench: Bench, name: str) -> None:
    with pytest.raises(StagingFailed, match="variable"):
        run_script(bench.script("true", user_environment={name: "x"}))


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_no_program_can_be_given_is_refused(bench: Bench, text: str) -> None:
    with pytest.raises(StagingFailed, match="argument 2"):
        run_script(bench.script("true", arguments=("fine", text)))
    with pytest.raises(StagingFailed, match="executable"):
        run_script(bench.script(text))
    with pytest.raises(StagingFailed, match="the variable A"):
        run_script(bench.script("true", environment={"A": text}))


def test_setup_files_are_sourced_in_order(bench: Bench) -> None:
    paths = [bench.put(f"genie/{n} it's/genie_setup.sh", f"declare -x ORDER=${{ORDER-}}{n}\necho at {n}\ncd /\n") for n in "cak"]  # fmt: skip
    ended = bench.run(bench.recording(setup_files=tuple(paths)))
    assert bench.recorded()["environment"]["ORDER"] == "cak"
    assert ended.read("genie/logs/setup.log") == "at c\nat a\nat k\n"
    # And what they did with the current folder does not matter
    assert bench.recorded()["folder"] == str(ended.job_folder)
    assert not (ended.job_folder / "genie/setup_failed.txt").exists()


@pytest.mark.parametrize(
    ("setup", "code"), [("echo broken\nfalse\n", 1), ("echo broken\nexit 9\n", 9), ("echo broken\nexit 0\n", 1)]
)  # fmt: skip
def test_a_set_up_that_fails_is_marked_and_told(bench: Bench, setup: str, code: int) -> None:
    path = bench.put("genie_setup.sh", setup)
    ended = bench.run(bench.script("touch", "ran", setup_files=(path,)))
    assert ended.code == code
    assert (ended.job_folder / "genie/setup_failed.txt").exists()
    assert not (ended.job_folder / "ran").exists()
    assert "the set-up of the job failed" in ended.err
    assert "broken" in ended.err


def test_the_environment_is_noted_without_secrets(bench: Bench) -> None:
    variables = {
        "FINE": "it's\nfine",
        "DATABASE": "mongodb://user:hidden@host/x",
        **{
            f"A_{name}_X": "hidden" for name in ("SECRET", "TOKEN", "PASSWORD", "KEY", "CREDENTIAL")
        },
        "aws_secret": "hidden\nhidden",
    }
    ended = bench.run(bench.script("true", environment=variables))
    noted = ended.read("genie/logs/env.log")
    assert "hidden" not in noted
    assert "FINE=$'it\\'s\\nfine'" in noted
    assert "mongodb://***@host/x" in noted


def test_a_doubled_step_runs_nothing(bench: Bench) -> None:
    first = bench.run(bench.script("echo", "ran"))
    second = bench.run(bench.script("echo", "ran"))
    assert (first.code, first.out) == (0, "ran\n")
    assert (second.code, second.out) == (0, "")
    assert "claimed already" in second.err
    assert not second.job_folder.exists()


def test_of_many_at_the_same_time_one_runs(bench: Bench) -> None:
    steps = [bench.start(bench.script("echo", "ran")) for _ in range(6)]
    ended = [step.wait() for step in steps]
    assert sorted(end.out for end in ended) == ["", "", "", "", "", "ran\n"]
    assert {end.code for end in ended} == {0}


def test_another_attempt_is_another_claim(bench: Bench) -> None:
    bench.run(bench.script("true"))
    again = bench.script("echo", "ran", attempt=2, claim_uri=str(bench.claims / "j1.2"))
    assert bench.run(again).out == "ran\n"


def test_a_claim_that_cannot_be_written_runs_nothing(bench: Bench) -> None:
    bench.claims.write_text("not a folder")
    ended = bench.run(bench.script("echo", "ran"))
    assert (ended.code, ended.out) == (1, "")


def test_files_that_cannot_be_fetched_are_an_error(bench: Bench) -> None:
    ended = bench.run(bench.script("echo", "ran", job_uri=str(bench.root / "nowhere")))
    assert ended.code != 0
    assert ended.out == ""
    assert "nowhere" in ended.err


def test_a_signal_ends_every_process_of_the_job(bench: Bench) -> None:
    # Given a job with a process of its own, which writes down its id and never ends by itself
    program = "sleep 1000 & echo $!; wait"
    step = bench.start(bench.script("bash", arguments=("-c", program)))
    child = int(step.wait_for_line())
    # When the step is told to end
    step.process.send_signal(signal.SIGTERM)
    # Then both are gone, and the code says so
    assert step.wait().code == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_job_may_end_in_its_own_way(bench: Bench) -> None:
    program = "trap 'echo bye; exit 5' TERM; echo ready; sleep 1000 & wait"
    step = bench.start(bench.script("bash", arguments=("-c", program)))
    step.wait_for_line()
    step.process.send_signal(signal.SIGTERM)
    ended = step.wait()
    assert ended.code == 5
    assert ended.read("stdout") == "ready\nbye\n"


def test_a_job_that_will_not_end_is_killed(bench: Bench) -> None:
    program = "trap '' TERM; echo ready; while :; do sleep 1; done"
    step = bench.start(bench.script("bash", arguments=("-c", program), grace_seconds=0))
    step.wait_for_line()
    step.process.send_signal(signal.SIGTERM)
    assert step.wait().code == 128 + signal.SIGKILL


def test_a_set_up_can_be_ended_too(bench: Bench) -> None:
    pipe = bench.root / "pipe"
    os.mkfifo(pipe)
    path = bench.put("genie_setup.sh", f"echo ready > {shlex.quote(str(pipe))}; sleep 1000")
    step = bench.start(bench.script("echo", "ran", setup_files=(path,)))
    assert pipe.read_text() == "ready\n"
    step.process.send_signal(signal.SIGTERM)
    ended = step.wait()
    assert (ended.code, ended.out) == (128 + signal.SIGTERM, "")


def test_what_a_job_leaves_behind_is_ended_with_it(bench: Bench) -> None:
    # Given a job that ends, and leaves a process that holds its output open
    ended = bench.run(bench.script("bash", arguments=("-c", "sleep 1000 & echo $!; exit 3")))
    assert ended.code == 3
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended.out), 0)
