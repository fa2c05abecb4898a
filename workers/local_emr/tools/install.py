"""Writes the tools into a folder, as programs that a shell finds."""

from __future__ import annotations

import sys
from pathlib import Path

import tagfleet

#: Each program, and the module that it is.
TOOLS = {"aws": "aws", "spark-submit": "spark_submit", "yarn": "yarn"}

_PROGRAM = """\
#!{python}
import sys

sys.path.insert(0, {root!r})
from tagfleet.workers.local_emr.tools.{module} import main

sys.exit(main(sys.argv[1:]))
"""


def install(folder: Path) -> None:
    """Write all tools; they run with the Python, and the tagfleet, of this process."""
    folder.mkdir(parents=True, exist_ok=True)
    root = str(Path(tagfleet.__file__).parents[1])
    for name, module in TOOLS.items():
        program = folder / name
        program.write_text(_PROGRAM.format(python=sys.executable, root=root, module=module))
        program.chmod(0o755)
