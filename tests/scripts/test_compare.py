"""`compare.py`: from runs that were trained to a table, JSON and a page."""

import json
import shutil

import pytest

import flowers_jax as fj
from flowers_jax.config import replace
from flowers_jax.evaluation.predictions import of_rows
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config
from tests.made_runs import judged, write
from tests.scripts.commands import script, table, tree


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of one epoch, and another with the rate and the test photographs of a better one."""
    root, config = tmp_path_factory.mktemp("runs"), smoke_config()
    config.epochs, config.learning_rate = 1, 1e-4
    summary = fit(config, root / "slow")
    fast = RunDirectory(shutil.copytree(root / "slow", root / "fast"))
    fast.write_config(replace(fast.read_config(), {"learning_rate": 3e-3}))
    rows = [row | {"predicted": row["label"]} for row in fast.read_predictions()]
    better = of_rows(rows, summary["classes"])
    fast.write_predictions(rows)
    figures = {"test_interval": list(better.interval), "test_calibrated_ece": better.ece()}
    fast.write_summary(summary | figures | {"test_accuracy": better.accuracy})
    return [root / "slow", root / "fast"]


def test_the_table_and_the_json_are_the_summaries(runs, capsys):
    assert script("compare", *runs) == 0
    out, err = capsys.readouterr()
    summaries = [json.loads((run / "summary.json").read_text()) for run in runs]
    lines = out.splitlines()
    assert lines[0].split() == ["slow", "fast"] and err == ""
    accuracies = [f"{100 * summary['test_accuracy']:.1f}" for summary in summaries]
    assert lines[1].split() == ["test", "accuracy", accuracies[0], "%", accuracies[1], "%"]
    assert ["learning_rate", "0.0001", "0.003"] in [line.split() for line in lines]
    assert "McNemar's test is of these models" in out
    assert script("compare", *runs, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == json.loads(json.dumps(fj.compare(runs)))
    for row, summary in zip(facts["runs"], summaries, strict=True):
        for name in row.keys() & summary.keys():
            assert row[name] == summary[name], name
        assert {
            "test_accuracy",
            "test_interval",
            "test_calibrated_ece",
            "val_loss",
            "seconds",
        } <= row.keys() & summary.keys()
    right = [
        {row["path"] for row in table(run / "predictions.csv") if row["label"] == row["predicted"]} for run in runs
    ]
    (pair,) = facts["against_first"]
    assert (pair["only_right"], pair["only_first_right"]) == (len(right[1] - right[0]), len(right[0] - right[1]))
    assert facts["curves"][0]["val_loss"] == [float(table(runs[0] / "metrics.csv")[0]["val_loss"])]


def test_out_is_a_page_beside_the_table(runs, tmp_path, capsys):
    assert script("compare", runs[0].parent, f"--out={tmp_path / 'page.html'}") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["fast", "slow"] and err == f"wrote {tmp_path / 'page.html'}\n"
    assert "Comparison of 2 runs" in (tmp_path / "page.html").read_text()
    assert tree(tmp_path) == {str(tmp_path / "page.html")}


def test_a_narrow_terminal_has_a_row_for_each_run(tmp_path, capsys, monkeypatch):
    made = [write(tmp_path / f"run-{number:>040}", judged([True]), seed=number) for number in range(3)]
    monkeypatch.setenv("COLUMNS", "100")
    assert script("compare", *made) == 0
    assert f"run-{2:>040}     2" in capsys.readouterr().out.splitlines()


def test_names_do_not_command_the_terminal(tmp_path, capsys):
    classes = ("\x1b[31mred\n", "rose")
    made = [write(tmp_path / name, judged([True], classes[0], "rose"), classes) for name in ("a\x1b[2J\nb", "c")]
    shutil.copytree(made[0], tmp_path / "open\x1b")
    RunDirectory(tmp_path / "open\x1b").forget_summary()
    assert script("compare", tmp_path) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err and "a\\x1b[2J\\nb" in out and "\\x1b[31mred\\n" in out
    assert err.count("\n") == 1 and "open\\x1b is left out: the run is not finished" in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "1 finished run; give two or more, or a folder of runs"),
        (["{0}"], "the same run is given twice; give each once"),
        (["{1}", "--out=page.txt"], "--out=page.txt: is a page; give a file that ends in .html"),
        (["{1}", "--out={0}/model.json/page.html"], "cannot be written (File exists); give another file"),
        (["{1}", "--out={2}"], "cannot be written (Is a directory); give another file"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(runs, tmp_path, capsys, more, message):
    folder = tmp_path / "folder.html"
    folder.mkdir()
    before = tree(tmp_path) | tree(runs[0])
    assert script("compare", runs[0], *(one.format(*runs, folder) for one in more)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.endswith(f"{message}\n") and err.count("\n") == 1
    assert tree(tmp_path) | tree(runs[0]) == before
