"""What a run says at its start and while it goes on, and that it is what happens."""

import re

import pytest

from flowers_jax import config as config_lib
from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.run.checkpoint import Checkpoints
from flowers_jax.runtime import progress
from flowers_jax.training.loop import fit
from flowers_jax.training.remarks import balance_remarks, schedule_remarks, size_remarks, stage_remarks
from flowers_jax.training.state import Progress
from tests.training.runs import rows


def test_every_number_of_devices_counts_not_the_first_alone(smoke, tmp_path, capsys, monkeypatch):
    """1, 4, 1, of which an older version wrote the first."""
    said, write = [], Progress.to_json
    for epochs, devices in enumerate((1, 4, 1), start=1):
        smoke.epochs, smoke.devices = epochs, devices
        with monkeypatch.context() as older:
            if epochs == 1:
                older.setattr(
                    Progress, "to_json", lambda self: {k: v for k, v in write(self).items() if k != "device_counts"}
                )
            fit(smoke, tmp_path / "run")
        said.append(re.findall(r"warning  (.*): the result is equal up to rounding", capsys.readouterr().out))
    assert said == [[], ["4 devices in place of 1"], ["1 devices in place of 4"]]
    checkpoints = Checkpoints(tmp_path / "run")
    assert checkpoints.progress(checkpoints.latest())["device_counts"] == [1, 4]


def test_progress_comes_back_with_its_devices(smoke, tmp_path):
    smoke.epochs = 1
    fit(smoke, tmp_path / "run")
    progress = Progress.from_json(Checkpoints(tmp_path / "run").progress(1))
    assert progress.device_counts == (1,) and progress.on_devices(4).on_devices(2).device_counts == (1, 2, 4)


def test_classes_without_photographs_are_named(smoke, folder, tmp_path, capsys):
    for path in (folder / "five_petals").iterdir():
        if path.stem not in ("0", "1"):
            path.unlink()
    smoke.data.dir, smoke.epochs = str(folder), 1
    summary = fit(smoke, tmp_path / "run")
    assert summary["classes_without_photographs"] == {"validation": ["five_petals"], "test": ["five_petals"]}
    printed = capsys.readouterr().out
    for part in ("validation", "test"):
        assert (
            f"warning  {part} has no photograph of these classes, and its figures leave them out: five_petals"
            in printed
        )


def test_no_test_part_leaves_no_class_out(smoke, tmp_path, capsys):
    smoke.data.split, smoke.epochs = (0.9, 0.1, 0.0), 1
    assert fit(smoke, tmp_path / "run")["classes_without_photographs"] == {"validation": [], "test": []}
    assert "has no photograph of these classes" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"warmup_epochs": 1.5}, "warmup_epochs=1.5: training ends after epoch 1, at 0.67 of the learning rate"),
        (
            {"name": "cosine", "epochs": 0.5, "warmup_epochs": 0.5},
            "the cosine ends before the warm-up of 0.5 epochs",
        ),
        ({"name": "piecewise", "boundaries": (0.5, 1.0, 2.0)}, "boundaries: 1 epochs end before 1.0, 2.0"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value.get("name", "constant"),
)
def test_a_schedule_that_the_epochs_cut_short(smoke, tmp_path, capsys, keys, words):
    smoke.epochs = 1
    smoke.schedule.update(keys)
    (line,) = schedule_remarks(config_lib.validate(smoke))
    assert words in line
    if "warmup_epochs" in keys and "name" not in keys:
        fit(smoke, tmp_path / "run")
        assert [f"warning  {line}"] == [
            printed for printed in capsys.readouterr().out.splitlines() if printed.startswith("warning  --config.")
        ]
        assert float(rows(tmp_path / "run")[0]["learning_rate"]) == pytest.approx(3e-3 * 6 / 9)
    smoke.epochs, smoke.schedule.epochs = 4, 0.0
    assert list(schedule_remarks(config_lib.validate(smoke))) == []


def test_the_bar_has_the_rate_of_the_row(smoke, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(progress.Bar, "describe", lambda *words: shown.append(words[2].split(",")[0]))
    smoke.schedule.name, smoke.schedule.warmup_epochs, smoke.optimizer.head_multiplier = "cosine", 1.0, 10.0
    fit(smoke, tmp_path / "run")
    written = [float(row["learning_rate"]) for row in rows(tmp_path / "run")]
    assert shown == [f"lr {rate:.2g}" for rate in written]
    assert written[0] == pytest.approx(3e-2) and written[2] < 1e-2


def test_a_training_figure_that_chooses_between_two_stages(smoke):
    one_stage = config_lib.replace(config_lib.validate(smoke), {"checkpoint.monitor": "train_loss"})
    two_stages = config_lib.replace(one_stage, {"transfer.epochs": 1})
    assert "monitor=train_loss: the two stages train on different data" in next(stage_remarks(two_stages))
    assert not list(stage_remarks(one_stage))
    assert not list(stage_remarks(config_lib.replace(two_stages, {"checkpoint.use": "last"})))


def dataset(train, test=0):
    """So many photographs of each class in training, and so many in the test part."""
    of = [(label, "train") for label, count in enumerate(train) for _ in range(count)] + [(0, "test")] * test
    examples = tuple(Example(f"{number}.jpg", label, str(number), part) for number, (label, part) in enumerate(of))
    return Dataset("drawn", "", tuple("abc"[: len(train)]), examples, lambda path: path.encode())


def test_classes_of_very_different_sizes(smoke):
    config = config_lib.validate(smoke)
    assert list(balance_remarks(config, dataset([30, 10]))) == []
    (line,) = balance_remarks(config, dataset([20, 31, 10]))
    assert "b has 31 training photographs and c 10: --config.loss.class_weights=balanced" in line
    balanced = config_lib.replace(config, {"loss.class_weights": "balanced"})
    assert list(balance_remarks(balanced, dataset([20, 31, 10]))) == []


def test_a_test_part_that_is_too_small_to_tell():
    assert list(size_remarks(0)) == list(size_remarks(331)) == []
    assert list(size_remarks(40)) == [
        "40 test photographs tell little: the 95 % interval of an accuracy of 90 % on them is 77% to 96%"
    ]
