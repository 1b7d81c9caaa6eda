"""The short form of `scripts/torture.py`: processes that are killed, and calls that fail below Python."""

import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT


def torture(*flags):
    return subprocess.run(
        [sys.executable, "scripts/torture.py", "--config=configs/smoke.py", *flags],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a C compiler")
@pytest.mark.parametrize(
    ("kinds", "faults"), [("time,before,after,within", 20), ("ENOSPC,EIO,EROFS,EACCES", 8)], ids=["kills", "errors"]
)
def test_nothing_is_lost(kinds, faults):
    small = ("--config.epochs=2", "--config.batch_size=48", "--config.checkpoint.every_steps=1")
    done = torture(*small, f"--faults={faults}", f"--kinds={kinds}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{faults} faults" in done.stdout


def test_mistakes():
    assert "ENOTHING: must be of time,before" in (done := torture("--kinds=time,ENOTHING")).stderr
    assert done.returncode == 2 and torture("--faults=0").returncode == 2
