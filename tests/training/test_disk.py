"""A disk that is full: one clear line, the last good checkpoint, no partial file, and the same end with room again."""

import os
import random
import shutil
import subprocess

import pytest

from flowers_jax.errors import TrainingError
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.training.loop import fit
from tests.torture.outcome import differences


@pytest.fixture
def small_disk(tmp_path):
    """A tmpfs of 4 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("may not mount a tmpfs")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


DRAW = random.Random(6)
LEVELS = [DRAW.uniform(0.02, 0.95) for _ in range(18)]


@pytest.mark.parametrize("level", [*LEVELS[:3], *(pytest.param(n, marks=pytest.mark.slow) for n in LEVELS[3:])])
def test_a_disk_that_is_full(whole, smoke, small_disk, level):
    """There is room for a part of what the same run takes up elsewhere."""
    free, page = shutil.disk_usage(small_disk).free, os.sysconf("SC_PAGE_SIZE")
    needed = sum(-(-path.stat().st_size // page) * page for path in whole.rglob("*") if path.is_file())
    (small_disk / "ballast").write_bytes(bytes(free - int(level * needed)))
    run = small_disk / "run"
    with pytest.raises(TrainingError, match=r"No space left on device.*; (the same command with|nothing was saved)"):
        fit(smoke, run)
    usable, left = Checkpoints(run).usable(), [path for path in run.rglob("*") if "tmp" in str(path.relative_to(run))]
    assert left == [] and not list(run.glob(".partial*"))
    assert (usable is None) == (not os.path.exists(run / "checkpoints") or not os.listdir(run / "checkpoints"))
    (small_disk / "ballast").unlink()
    fit(smoke, run)
    assert differences(whole, run) == []
