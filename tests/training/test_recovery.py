"""What a run does about damage: it goes on from what is sound, says so, and comes to the same end."""

import shutil

import pytest

from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.run import lock, seal
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from tests.torture.outcome import differences


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


def test_without_a_sound_checkpoint_it_asks(whole, stopped, smoke):
    for number in (2, 3):
        (stopped / "checkpoints" / str(number) / "_CHECKPOINT_METADATA").unlink()
    with pytest.warns(DamageWarning) as said, pytest.raises(UsageError, match="every checkpoint is damaged"):
        fit(smoke, stopped)
    assert len(said) == 2 and len(list((stopped / "checkpoints").iterdir())) == 2
    shutil.rmtree(stopped / "checkpoints")
    fit(smoke, stopped)
    assert differences(whole, stopped) == []


def test_a_first_checkpoint_that_was_not_finished_is_none(whole, stopped, smoke):
    shutil.rmtree(stopped / "checkpoints" / "2")
    (stopped / "checkpoints" / "3").rename(stopped / "checkpoints" / "1")
    (stopped / "checkpoints" / "1" / seal.NAME).unlink()
    with pytest.warns(DamageWarning, match="checkpoints/1 is skipped: it was not finished"):
        fit(smoke, stopped)
    assert differences(whole, stopped) == []


def test_what_cannot_be_read_now_is_not_removed(stopped, smoke, monkeypatch):
    def failing(_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(seal, "sha256_of", failing)
        with pytest.raises(OSError, match="Input/output error"):
            fit(smoke, stopped)
    assert sorted(path.name for path in (stopped / "checkpoints").iterdir()) == ["2", "3"]


def test_a_second_training_in_the_directory_is_refused(stopped, smoke):
    with lock.owned(stopped), pytest.raises(UsageError, match="is training there"):
        fit(smoke, stopped)


def test_weights_that_changed_before_the_first_checkpoint_are_told(stopped, smoke):
    """`model.json` says what is trained on."""
    shutil.rmtree(stopped / "checkpoints")
    run = RunDirectory(stopped)
    run.write_model(run.read_model() | {"weights": {"name": "others", "sha256": "1" * 64, "reason": ""}})
    fit(smoke, stopped)
    assert run.read_model()["weights"]["name"] == "none"


def test_a_lost_manifest_is_seen_by_readers_too(stopped):
    (stopped / seal.NAME).unlink()
    with pytest.raises(UsageError, match=r"manifest\.json is missing"):
        trained_model.load(str(stopped))


def test_where_the_best_model_is_lost_another_takes_its_place(smoke, tmp_path):
    smoke.epochs, smoke.learning_rate, smoke.seed = 9, 0.05, 3
    best = fit(smoke, tmp_path / "run")["best_epoch"]
    assert best < 8
    flip(tmp_path / "run" / "checkpoints" / str(best) / "model" / "_METADATA")
    with pytest.warns(DamageWarning, match=f"checkpoints/{best} is skipped"):
        assert trained_model.load(str(tmp_path / "run")).classes
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
        trained_model.load(str(tmp_path / "run"))


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
