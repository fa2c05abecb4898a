"""What a step's jar and arguments mean as a command line of this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .errors import CannotLaunch
from .steps import Step, properties
from .tools.java import find_java

#: Variables of the server's that would change what a step does, or leak into it.
_PRIVATE_PREFIXES = ("AWS_", "PYSPARK", "PYTHON", "SPARK", "TAGFLEET_")


def command_line(step: Step, s3_root: Path, folder: Path) -> list[str]:
    """The program that a step runs, and its arguments.

    Arguments:
        step: What was asked for.
        s3_root: Where `s3://` addresses lead.
        folder: Where the step's own copies of scripts and jars go.

    Raises CannotLaunch when something it needs is missing.
    """
    jar, arguments = step.jar, step.arguments
    if _is(jar, "command-runner.jar"):
        if not arguments:
            raise CannotLaunch("No command.", "command-runner.jar was given no arguments.")
        return arguments
    if _is(jar, "script-runner.jar"):
        if not arguments:
            raise CannotLaunch("No script.", "script-runner.jar was given no arguments.")
        script = fetch(arguments[0], s3_root, folder)
        return ["bash", str(script), *arguments[1:]]
    return _java_command(step, fetch(jar, s3_root, folder))


def environment(
    inherited: Mapping[str, str],
    step: Step,
    *,
    url: str,
    tools: Path,
    s3_root: Path,
    temporary: Path,
) -> dict[str, str]:
    """What a step sees of the world: this machine's programs, and the local AWS only."""
    kept = {
        name: value for name, value in inherited.items() if not name.startswith(_PRIVATE_PREFIXES)
    }
    path = os.pathsep.join([str(tools), kept.get("PATH", os.defpath)])
    return kept | {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": "local",
        "EMR_CLUSTER_ID": step.cluster_id,
        "EMR_STEP_ID": step.id,
        "HADOOP_USER_NAME": "hadoop",
        "LOCAL_EMR_S3": str(s3_root),
        "LOCAL_EMR_URL": url,
        "PATH": path,
        "TMPDIR": str(temporary),
    }


def fetch(uri: str, s3_root: Path, folder: Path) -> Path:
    """A copy of a file that a step runs, so that nobody changes it on the way."""
    source = local_path(uri, s3_root)
    try:
        return Path(shutil.copy(source, folder / source.name))
    except OSError as error:
        reason = "File not found."
        raise CannotLaunch(reason, f"{uri} cannot be read: {error.strerror}") from None


def local_path(uri: str, s3_root: Path) -> Path:
    """Where a file is on this machine: below the S3 folder, or where its path says."""
    parts = urlsplit(uri)
    if parts.scheme in ("s3", "s3a", "s3n"):
        # Not from the split path: in a key "?" and "#" are letters like others.
        return s3_root / uri.partition("://")[2]
    return Path(parts.path if parts.scheme == "file" else uri)


def _java_command(step: Step, jar: Path) -> list[str]:
    jar_step = step.config["HadoopJarStep"]
    options = [f"-D{name}={value}" for name, value in properties(jar_step).items()]
    main = jar_step.get("MainClass")
    program = ["-cp", str(jar), main] if main else ["-jar", str(jar)]
    return [find_java(), *options, *program, *step.arguments]


def _is(jar: str, name: str) -> bool:
    return jar == name or jar.endswith("/" + name)
