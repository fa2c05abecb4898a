"""The command line: `tagfleet`, or `python -m tagfleet`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command; returns its exit code."""
    return 0


if __name__ == "__main__":
    sys.exit(main())
