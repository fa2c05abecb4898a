"""The probable cause is what a person would have found in the logs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagfleet.workers.diagnosis import exit_code_of, explain

PYSPARK = """\
26/11/22 10:00:00 INFO SparkContext: Running Spark version 3.5.9
Traceback (most recent call last):
  File "/mnt/tmp/average_tip.py", line 10, in <module>
    print(first['tip'])
          ~~~~~^^^^^^^
  File "/usr/lib/python3.11/site-packages/pyspark/sql/types.py", line 2, in get
    raise KeyError(key)
KeyError: 'tip'
26/11/22 10:00:02 INFO ShutdownHookManager: Shutdown hook called
"""

JAVA = """\
Exception in thread "main" org.apache.spark.SparkException: Job aborted
\tat org.apache.spark.Foo.bar(Foo.scala:1)
Caused by: java.io.FileNotFoundException: No such file: s3://x/y
\t... 12 more
26/11/22 10:00:02 INFO ShutdownHookManager: Deleting directory /tmp/spark-1
"""


@pytest.mark.parametrize(
    ("logs", "cause"),
    [
        ({"stderr": PYSPARK}, "KeyError: 'tip' (stderr: average_tip.py, line 10)"),
        ({"stderr": JAVA}, "java.io.FileNotFoundException: No such file: s3://x/y (stderr)"),
        (
            {"stdout": PYSPARK, "stderr": "INFO nothing"},
            "KeyError: 'tip' (stdout: average_tip.py, line 10)",
        ),
        (
            {"stderr": "bash: line 1: presto: command not found\n"},
            "bash: line 1: presto: command not found (stderr)",
        ),
        ({"stderr": "first\nsomething odd\n"}, "something odd"),
        ({}, "The logs say nothing of it."),
    ],
    ids=["python", "java", "python in stdout", "no such program", "last line", "no logs"],
)
def test_the_cause_is_found_in_the_logs(logs: dict[str, str], cause: str) -> None:
    assert explain(None, logs).cause == cause


def test_what_the_cluster_says_is_told_when_the_logs_say_nothing() -> None:
    assert explain("Unknown Error. exit 3", {"stderr": ""}).cause == "Unknown Error. exit 3"


def test_the_last_lines_of_stderr_are_kept() -> None:
    stderr = "\n".join(f"line {number}" for number in range(100))
    assert explain(None, {"stderr": stderr}).stderr_tail.splitlines()[0] == "line 80"


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_log_makes_the_explanation_fail(stderr: str, stdout: str) -> None:
    assert explain(
        None, {"stderr": stderr, "stdout": "Traceback (most recent call last):" + stdout}
    ).cause


def test_the_exit_code_is_read_from_the_controllers_log() -> None:
    assert (
        exit_code_of(
            "INFO waitProcessCompletion ended with exit code 3 :\n WARN Step failed with exitCode 3 and took 1"
        )
        == 3
    )
    assert exit_code_of("INFO started") is None
