"""`sweep.py`: what --grid may be, and what is printed."""

import pytest

from flowers_jax.studies import sweep as sweep_module
from tests.scripts.commands import SMOKE, script

RESULT = {
    "monitor": "val_loss",
    "better": "min",
    "table": [
        {"keys": {"data.split": (0.8, 0.1, 0.1), "epochs": 3}, "mean": 0.25, "sd": 0.125, "n": 2, "runs": ["a", "b"]},
        {"keys": {"data.split": (0.6, 0.2, 0.2), "epochs": 30}, "mean": None, "sd": None, "n": 1, "runs": ["c", "d"]},
    ],
    "test": {
        "accuracy": {"mean": 0.9, "sd": 0.02, "n": 2},
        "loss": {"mean": 0.3, "sd": 0.1, "n": 2},
        "examples": [12, 12],
    },
    "diverged": ["c"],
    "seconds": 1.0,
}
RESULT["chosen"] = RESULT["table"][0]
PRINTED = """
 data.split  epochs  val_loss      sd  runs
0.8,0.1,0.1       3    0.2500  0.1250     2  *
0.6,0.2,0.2      30  diverged       -     1

* has the least val_loss: test accuracy 90.0%, sd 2.0% over 2 runs, on 12 photographs
see TMP
"""


@pytest.fixture
def asked(monkeypatch) -> list:
    given = []
    monkeypatch.setattr(sweep_module, "sweep", lambda *arguments: given.append(arguments) or RESULT)
    return given


def test_values_have_the_types_of_their_keys(asked, tmp_path, capsys, folder):
    grid = [
        "--grid", "learning_rate=1e-3, 3e-3", "--grid=data.split=0.8,0.1,0.1;0.6,0.2,0.2",
        "--grid", "model.name=seed_cnn", "--grid", "evaluation.flip=true,false",
    ]  # fmt: skip
    assert script("sweep", folder, *SMOKE, *grid, "--config.epochs=3", f"--out={tmp_path}") == 0
    ((config, values, out),) = asked
    assert values == {
        "learning_rate": [0.001, 0.003],
        "data.split": [(0.8, 0.1, 0.1), (0.6, 0.2, 0.2)],
        "model.name": ["seed_cnn"],
        "evaluation.flip": [True, False],
    }
    assert (config.epochs, config.data.dir, out) == (3, str(folder), str(tmp_path))
    assert capsys.readouterr().out == PRINTED.replace("TMP", str(tmp_path))


def test_an_option_of_a_model_that_the_grid_names(asked, tmp_path):
    grid = [
        "--grid",
        "model.options.alpha=0.35,0.5",
        "--grid",
        "model.name=mobilenet_v2",
        "--config.data.image_size=32",
    ]
    assert script("sweep", *SMOKE, *grid, f"--out={tmp_path}") == 0
    assert asked[0][1] == {"model.options.alpha": [0.35, 0.5], "model.name": ["mobilenet_v2"]}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "the following arguments are required: --grid"),
        (["--grid", "seed"], "--grid seed: must be KEY=VALUES, as in --grid seed=0,1"),
        (["--grid", "seed="], "--grid seed=: a value is missing"),
        (["--grid", "seed=0,,1"], "--grid seed=0,,1: a value is missing"),
        (["--grid", "seed=0,1", "--grid", "seed=2"], "--grid seed=2: seed is given twice"),
        (["--grid", "seed=0,1", "--config.seed=2"], "--grid seed: --config.seed is given too; leave one of them out"),
        (["--grid", "lerning_rate=1"], "no such key; did you mean --config.learning_rate?"),
        (["--grid", "learning_rate=fast"], "--grid learning_rate=fast: --config.learning_rate=fast: must be a number"),
        (["--grid", "learning_rate=1e-3,-1"], "--grid learning_rate=-1: --config.learning_rate=-1.0: must be above 0"),
        (["--grid", "data.split=0.8,0.1"], 'sum to 1, the first two above 0; ";" is between values that have commas'),
        (["--grid", "seed=0,0"], "--grid seed: 0 is given twice"),
        (["--grid", "checkpoint.monitor=val_loss,val_accuracy"], "the best point is chosen by it"),
        (["--grid", "seed=0,1", "--out=TMP/file"], "--out=TMP/file: is a file; give a folder"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(tmp_path, capsys, flags, words):
    (tmp_path / "file").touch()
    flags = [flag.replace("TMP", str(tmp_path)) for flag in [f"--out={tmp_path}/out", *flags]]
    assert script("sweep", *SMOKE, *flags) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert words.replace("TMP", str(tmp_path)) in error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
