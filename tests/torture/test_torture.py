"""The short form of `scripts/torture.py`: processes that are killed, and calls that fail below Python."""

import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.scripts.commands import script


def torture(*flags):
    return subprocess.run(
        [sys.executable, "scripts/torture.py", "--config=configs/smoke.py", *flags],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a C compiler")
@pytest.mark.parametrize(
    ("kinds", "faults"),
    [
        pytest.param("time,before,after,within", 4, id="kills"),
        pytest.param("ENOSPC,EIO,EROFS,EACCES", 4, id="errors"),
        pytest.param("time,before,after,within", 20, id="many kills", marks=pytest.mark.slow),
        pytest.param("ENOSPC,EIO,EROFS,EACCES", 8, id="many errors", marks=pytest.mark.slow),
    ],
)
def test_nothing_is_lost(kinds, faults):
    small = ("--config.epochs=2", "--config.batch_size=48", "--config.checkpoint.every_steps=1")
    done = torture(*small, f"--faults={faults}", f"--kinds={kinds}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{faults} faults" in done.stdout


def test_mistakes(capsys):
    """In this process, for they are found before it starts again."""
    smoke = f"--config={ROOT}/configs/smoke.py"
    assert script("torture", smoke, "--kinds=time,ENOTHING") == 2
    assert "ENOTHING: must be of time,before" in capsys.readouterr().err
    assert script("torture", smoke, "--faults=0") == 2
    assert "--faults=0: must be at least 1" in capsys.readouterr().err
