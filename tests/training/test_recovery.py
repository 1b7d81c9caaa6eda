"""What a run does about damage: it goes on from what is sound, says so, and comes to the same end."""

import shutil

import pytest

from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.evaluation import trained
from flowers_jax.run import seal
from flowers_jax.torture.leavings import differences
from flowers_jax.training.loop import fit


@pytest.fixture
def stopped(whole, tmp_path):
    """A copy of a run that had reached its end, before it said so."""
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "summary.json").unlink()
    return run


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("part", ["model/_METADATA", "optimizer/manifest.ocdbt", "progress/metadata", "manifest.json"])
def test_a_flipped_bit_costs_the_way_from_the_checkpoint_before(whole, stopped, smoke, part):
    flip(stopped / "checkpoints" / "3" / part)
    with pytest.warns(DamageWarning, match=r"checkpoints/3 is skipped: its "):
        fit(smoke, stopped)
    assert differences(whole, stopped) == []


def test_without_a_sound_checkpoint_it_starts_over(whole, stopped, smoke):
    for number in (2, 3):
        (stopped / "checkpoints" / str(number) / "_CHECKPOINT_METADATA").unlink()
    with pytest.warns(DamageWarning) as said:
        fit(smoke, stopped)
    assert len(said) == 2 and differences(whole, stopped) == []


def test_where_the_best_model_is_lost_another_takes_its_place(smoke, tmp_path):
    smoke.epochs, smoke.learning_rate = 9, 0.05
    best = fit(smoke, tmp_path / "run")["best_epoch"]
    assert best < 8
    flip(tmp_path / "run" / "checkpoints" / str(best) / "model" / "_METADATA")
    with pytest.warns(DamageWarning, match=f"checkpoints/{best} is skipped"):
        assert trained.load(str(tmp_path / "run")).classes
    (tmp_path / "run" / "summary.json").unlink()
    with pytest.warns(DamageWarning) as said:
        assert fit(smoke, tmp_path / "run")["best_epoch"] == 9
    assert f"checkpoints/{best} is skipped" in str(said[0].message)
    assert "held the best epoch's model and is lost: that of epoch 9 takes its place" in str(said[1].message)


@pytest.mark.parametrize("name", ["config.json", "model.json", "splits.csv"])
def test_plain_files_that_are_damaged_are_refused(stopped, smoke, name):
    flip(stopped / name)
    with pytest.raises(UsageError, match=rf"{name}: damaged \(its SHA-256 is not that in manifest\.json\)"):
        fit(smoke, stopped)
    (stopped / name).unlink()
    with pytest.raises(UsageError, match=rf"{name}: damaged \(it is missing\)|no config\.json"):
        fit(smoke, stopped)


def test_a_damaged_summary_gives_no_temperature(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    flip(tmp_path / "run" / "summary.json")
    with pytest.raises(UsageError, match=r"summary\.json: damaged"):
        trained.load(str(tmp_path / "run"))


def test_checkpoints_without_a_manifest_are_not_trusted(stopped, smoke):
    (stopped / seal.NAME).unlink()
    with pytest.raises(UsageError, match=r"its manifest\.json is missing"):
        fit(smoke, stopped)


def test_metrics_csv_is_written_again_from_the_checkpoint(whole, stopped, smoke):
    (stopped / "metrics.csv").write_text("epoch\n77\n")
    fit(smoke, stopped)
    assert differences(whole, stopped) == []


def test_differences_are_found(whole, smoke, tmp_path):
    smoke.seed = 1
    fit(smoke, tmp_path / "other")
    found = differences(whole, tmp_path / "other")
    assert {"config.json", "splits.csv", "metrics.csv", "summary.json", "3/model/params/head/kernel"} <= set(found)
