"""The points of a grid: their configs, their folders, and what is refused before any of them trains."""

import pytest

from flowers_jax import config as config_lib
from flowers_jax.errors import UsageError
from flowers_jax.run.directory import RunDirectory
from flowers_jax.studies.grid import name_of, points
from tests.conftest import smoke_config

GRID = {"learning_rate": [1e-3, 3e-3], "seed": [0, 1]}


def made(grid, out):
    return points(config_lib.validate(smoke_config()), grid, RunDirectory(out))


def test_every_combination_once_and_the_photographs_of_a_seed_together(tmp_path):
    found = made(GRID, tmp_path)
    assert [point.name for point in found] == [
        "learning_rate=0.001,seed=0", "learning_rate=0.003,seed=0",
        "learning_rate=0.001,seed=1", "learning_rate=0.003,seed=1",
    ]  # fmt: skip
    assert [(point.config.learning_rate, point.config.seed) for point in found] == [
        (1e-3, 0), (3e-3, 0), (1e-3, 1), (3e-3, 1)
    ]  # fmt: skip
    assert [point.setting for point in found[:2]] == [{"learning_rate": 1e-3}, {"learning_rate": 3e-3}]
    assert {point.config.epochs for point in found} == {3}


def test_names_are_names_of_files():
    one, other = (name_of({"model.weights": f"/{folder}/w.pth", "epochs": 3}) for folder in "ab")
    assert one != other and "/" not in one + other and one.endswith(",epochs=3")
    assert len(name_of({"data.dir": "long" * 100})) < 100
    assert name_of({"data.split": (0.8, 0.1, 0.1)}) == "data.split=0.8,0.1,0.1"


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"lerning_rate": [1]}, "--config.lerning_rate: no such key; did you mean --config.learning_rate?"),
        ({"seed": [0, 1], "epochs": [3, -1]}, "--config.epochs=-1: must be at least 1"),
        ({"seed": []}, "--grid seed=: give the values"),
        ({"seed": [0, 1, 0]}, "--grid seed: 0 is given twice"),
        ({"checkpoint.monitor": ["val_loss"]}, "the best point is chosen by it"),
    ],
)
def test_what_a_grid_cannot_have(tmp_path, grid, words):
    with pytest.raises(UsageError) as refused:
        made(grid, tmp_path / "out")
    assert words in str(refused.value) and not (tmp_path / "out").exists()


def test_a_run_of_an_equal_config_is_the_run_of_the_point(tmp_path):
    """Under whatever name: another grid has other names for it."""
    (point, *_) = made({"learning_rate": [3e-3]}, tmp_path)
    point.run.write_config(point.config)
    again = made({"seed": [0, 1], "learning_rate": [1e-3, 3e-3]}, tmp_path)
    kept = [other.name for other in again if other.run.path == point.run.path]
    assert kept == ["seed=0,learning_rate=0.003"]


@pytest.mark.parametrize("name", ["thesis.tex", "folder/thesis.tex", "config.json"])
def test_a_folder_of_something_else(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    with pytest.raises(UsageError, match=f"--out={tmp_path}: holds {name.split('/')[0]}, which is no run of a sweep"):
        made(GRID, tmp_path)


def test_a_file_in_its_place(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="is a file; give a folder"):
        made(GRID, tmp_path / "out")


def test_what_a_killed_sweep_leaves_is_no_obstacle(tmp_path):
    for name in (".lock", ".partial-1", "sweep.csv", "sweep.json", "seed=0/.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert len(made(GRID, tmp_path)) == 4
