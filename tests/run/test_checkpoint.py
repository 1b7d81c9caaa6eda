"""Checkpoints that are damaged, one file at a time, are never loaded; the one before is."""

import logging
import os
import shutil
import sys
import warnings

import numpy as np
import pytest

from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.run.checkpoint import Checkpoints

TREE = {"a": np.zeros(1)}


def numbers(run):
    return sorted(int(name) for name in os.listdir(run / "checkpoints"))


@pytest.fixture
def run(tmp_path):
    """Four checkpoints: the first was the best model until the third."""
    checkpoints = Checkpoints(tmp_path)
    for number, best in enumerate((1, 1, 3), 1):
        model = {"params": {"kernel": np.full((3, 4), number, np.float32)}, "batch_stats": {}}
        checkpoints.save(model, {"step": np.int32(number)}, {"model_checkpoint": best}, keep=2)
    return tmp_path


def test_what_is_kept(run):
    """The two latest, and the model that each of them names."""
    assert numbers(run) == [1, 2, 3]
    checkpoints = Checkpoints(run)
    assert checkpoints.usable() == (3, 3)
    checkpoints.save(TREE, TREE, {"model_checkpoint": 3}, keep=2)
    assert numbers(run) == [3, 4] and Checkpoints(run).usable() == (4, 3)


def damages(content: bytes):
    """Truncated at every sixteenth, and with one bit turned over."""
    yield from (content[: len(content) * part // 16] for part in range(16))
    rng = np.random.default_rng(len(content))
    flipped = bytearray(content)
    flipped[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    yield bytes(flipped)


def test_every_damage_of_every_file_is_detected(run):
    files = [path for path in (run / "checkpoints" / "3").rglob("*") if path.is_file()]
    assert len(files) > 15  # of model, optimizer, progress and manifest
    for file in files:
        whole = file.read_bytes()
        for damaged in damages(whole) if whole else [b"x"]:
            file.write_bytes(damaged)
            with pytest.warns(DamageWarning, match=r"checkpoints/3 is skipped: (its .* not as it was written|its man)"):
                assert Checkpoints(run).usable() == (2, 1)
        file.unlink()
        with pytest.warns(DamageWarning, match=r"checkpoints/3 is skipped: .* (missing|lost its manifest\.json)"):
            assert Checkpoints(run).usable() == (2, 1)
        file.write_bytes(whole)
    assert Checkpoints(run).usable() == (3, 3)


def test_what_is_damaged_goes_when_training_goes_on(run):
    (run / "checkpoints" / "3" / "manifest.json").unlink()
    (run / "checkpoints" / "4.orbax-checkpoint-tmp").mkdir()
    with pytest.warns(DamageWarning, match="checkpoints/3"):
        checkpoints = Checkpoints(run)
    assert (run / "checkpoints" / "3").is_dir()  # reading removes nothing
    checkpoints.keep_until(2, keep=2)
    assert numbers(run) == [1, 2] and checkpoints.next_number() == 3


def test_a_link_to_another_run_is_cut_and_that_run_left_alone(run, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "3"
    shutil.copytree(run / "checkpoints" / "3", other)
    (run / "checkpoints" / "9").symlink_to(other)
    (run / "checkpoints" / "7").write_text("a file")
    with pytest.warns(DamageWarning):
        checkpoints = Checkpoints(run)
    checkpoints.keep_until(3, keep=2)
    assert numbers(run) == [1, 2, 3] and (other / "manifest.json").is_file()


def test_a_model_that_is_lost_gives_way(run):
    shutil.rmtree(run / "checkpoints" / "3")
    (run / "checkpoints" / "1" / "model" / "_METADATA").unlink()
    with pytest.warns(DamageWarning, match="checkpoints/1 is skipped: its model/_METADATA is missing"):
        assert Checkpoints(run).usable() == (2, 2)


def test_a_save_that_fails_leaves_what_was(run, monkeypatch):
    from flowers_jax.run import seal

    def full(_):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(seal, "seal", full)
    checkpoints = Checkpoints(run)
    with pytest.raises(OSError, match=r"checkpoint 4 cannot be written to .* \(\[Errno 28\] No space"):
        checkpoints.save(TREE, TREE, {"model_checkpoint": 1}, keep=2)
    assert numbers(run) == [1, 2, 3]
    with warnings.catch_warnings():
        assert Checkpoints(run).usable() == (3, 3)


@pytest.mark.parametrize(
    ("fail", "error"),
    [
        (lambda checkpoints: checkpoints.save({"a": object()}, TREE, {"model_checkpoint": 1}, keep=2), OSError),
        (lambda checkpoints: checkpoints.model(3, TREE), UsageError),
    ],
    ids=["save", "restore"],
)
def test_a_failure_gives_back_the_log_level_and_the_hook(run, monkeypatch, fail, error):
    monkeypatch.setattr(logging.getLogger("absl"), "level", logging.INFO)
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)
    with pytest.raises(error):
        fail(Checkpoints(run))
    assert logging.getLogger("absl").level == logging.INFO
    assert sys.unraisablehook is sys.__unraisablehook__


def test_what_a_checkpoint_names_is_a_number(run):
    """And so no path out of the folder."""
    checkpoints = Checkpoints(run)
    checkpoints.save(TREE, TREE, {"model_checkpoint": 3}, keep=9)
    monstrous = {"model_checkpoint": "../../elsewhere"}
    with pytest.raises(UsageError, match="as its model checkpoint, not a number"):
        checkpoints.save(TREE, TREE, monstrous, keep=9)
