"""Images a second in training and inference, beside Keras and PyTorch; see benchmarks/command.py."""

import sys
from pathlib import Path

from flowers_jax import cli

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where benchmarks/ is: it is not installed
    from benchmarks import command

    cli.run(command.main)
