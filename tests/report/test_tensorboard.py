"""TensorBoard's own loader reads the events, and they equal `metrics.csv` and `summary.json`."""

import resource
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from flowers_jax import config as config_lib
from flowers_jax.errors import ReportWarning
from flowers_jax.report import events
from flowers_jax.report.tensorboard import EPOCHS, RESULT, TensorBoard
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from flowers_jax.training.setup import prepare

TAGS = {
    "loss/train": "train_loss", "loss/validation": "val_loss", "accuracy/train": "train_accuracy",
    "accuracy/validation": "val_accuracy", "learning_rate": "learning_rate", "macro_f1/validation": "val_macro_f1",
}  # fmt: skip


def loaded(run: Path) -> EventAccumulator:
    found = EventAccumulator(str(run))
    found.Reload()
    return found


def steps(run: Path, tag: str = "loss/train") -> list[int]:
    return [one.step for one in loaded(run).Scalars(tag)]


def hyperparameters(found: EventAccumulator) -> dict[str, object]:
    content = found.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    values = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}


def equals_its_files(run: Path) -> bool:
    found, table, summary = loaded(run), RunDirectory(run).read_csv("metrics.csv"), RunDirectory(run).read_summary()
    for tag, column in TAGS.items():
        points = found.Scalars(tag)
        assert [point.step for point in points] == [int(row["epoch"]) for row in table]
        np.testing.assert_array_equal([p.value for p in points], [np.float32(row[column]) for row in table])
    for name in ("test_accuracy", "test_loss", "test_calibrated_ece", "val_accuracy"):
        (point,) = found.Scalars(f"final/{name}")
        assert (point.step, point.value) == (len(table), np.float32(summary[name]))
    assert [image.step for image in found.Images("train_batch")] == [0]
    assert [image.step for image in found.Images("confusion_matrix")] == [len(table)]
    assert found.Images("confusion_matrix")[0].encoded_image_string.startswith(b"\x89PNG")
    return True


def test_a_run_that_goes_on_has_each_epoch_once(smoke, tmp_path):
    smoke.metrics, smoke.epochs = ("macro_f1",), 2
    fit(smoke, tmp_path / "run", reporters=[TensorBoard()])
    assert equals_its_files(tmp_path / "run")
    smoke.epochs = 3
    fit(smoke, tmp_path / "run", reporters=[TensorBoard()])
    assert equals_its_files(tmp_path / "run")
    own = hyperparameters(loaded(tmp_path / "run"))
    assert own["epochs"] == 3 and own["model.name"] == "seed_cnn" and own["learning_rate"] == pytest.approx(3e-3)
    assert own["metrics"] == "macro_f1" and "seed" not in own  # which has its default
    assert [path for path in psutil.Process().open_files() if "tfevents" in path.path] == []
    assert [one for one in threading.enumerate() if type(one).__module__.startswith("tensorboardX")] == []


def begun(smoke, folder: Path) -> tuple:
    """A reporter's arguments: config and job of a run in `folder`."""
    config = config_lib.validate(smoke)
    folder.mkdir(exist_ok=True)
    return config, prepare(config, RunDirectory(folder), False)


def row(epoch: int, loss: float = 0.5) -> dict[str, float]:
    figures = dict.fromkeys(("train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate"), loss)
    return {"epoch": epoch} | figures


def test_what_a_killed_process_wrote_beyond_its_checkpoint_is_void(smoke, tmp_path):
    config, job = begun(smoke, tmp_path / "run")
    first, again = TensorBoard(), TensorBoard()
    first.begin(config, job, [])
    for count in (1, 2, 3):
        first.epoch([row(epoch) for epoch in range(1, count + 1)])
    file = tmp_path / "run" / EPOCHS
    file.write_bytes(file.read_bytes()[:-5])  # the process was killed while it wrote the third
    again.begin(config, job, [row(1)])
    assert steps(tmp_path / "run") == [1]
    again.epoch([row(1), row(2, 0.25)])
    points = loaded(tmp_path / "run").Scalars("loss/validation")
    assert [(point.step, point.value) for point in points] == [(1, 0.5), (2, 0.25)]
    assert [image.step for image in loaded(tmp_path / "run").Images("train_batch")] == [0]


def test_epochs_that_the_file_lacks_are_added(smoke, tmp_path):
    config, job = begun(smoke, tmp_path / "run")
    TensorBoard().begin(config, job, [row(1), row(2)])  # a run that began without events
    assert steps(tmp_path / "run") == [1, 2]
    events.append(tmp_path / "run" / EPOCHS, [events.scalars({"loss/train": 0.5}, 4)])
    TensorBoard().begin(config, job, [row(1), row(2), row(3), row(4)])
    assert steps(tmp_path / "run") == [1, 2, 3, 4]


def test_a_full_disk_ends_nothing_and_the_epochs_are_made_up_for(smoke, tmp_path, monkeypatch):
    append, calls = events.append, []

    def full(file, new):
        calls.append(file)
        if len(calls) in (2, 3, 4):
            raise OSError(28, "No space left on device", str(file))
        append(file, new)

    monkeypatch.setattr(events, "append", full)
    with pytest.warns(ReportWarning, match="TensorBoard: .*No space left on device"):
        fit(smoke, tmp_path / "run", reporters=[TensorBoard()])
    assert steps(tmp_path / "run") == [1, 2, 3]
    assert RunDirectory(tmp_path / "run").read_summary()["epochs"] == 3


def test_an_event_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / EPOCHS
    events.append(file, [events.scalars({"a": 1.0}, 1)])
    before, limits = file.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            events.append(file, [events.scalars({"a": 2.0}, 2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert file.read_bytes() == before


def test_without_tensorboard_nothing_is_written(smoke, tmp_path):
    smoke.logging.tensorboard, smoke.epochs = False, 1
    fit(smoke, tmp_path / "run", reporters=[TensorBoard()])
    assert not any((tmp_path / "run" / name).exists() for name in (EPOCHS, RESULT))


def test_without_a_test_part_there_are_no_figures_of_it(smoke, tmp_path):
    smoke.data.split, smoke.epochs = (0.8, 0.2, 0.0), 1
    fit(smoke, tmp_path / "run", reporters=[TensorBoard()])
    found = loaded(tmp_path / "run")
    assert [tag for tag in found.Tags()["scalars"] if tag.startswith("final/")] == [
        "final/val_accuracy",
        "final/val_loss",
    ]
    assert found.Tags()["images"] == ["train_batch"]
