"""Kill a training again and again, and fail its disk; see tests/torture/command.py."""

import sys
from pathlib import Path

from flowers_jax import cli

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where tests/ is: it is not installed
    from tests.torture import command

    cli.run(command.main)
