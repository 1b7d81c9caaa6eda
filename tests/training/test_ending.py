"""What a run says at its end, and that its commands work as they are."""

import re
import shlex

from flowers_jax.cli import predict
from flowers_jax.evaluation.predictions import of_run
from flowers_jax.run.directory import RunDirectory
from flowers_jax.runtime import progress
from flowers_jax.training.loop import fit


def test_the_result_the_mistakes_and_the_next_commands(smoke, folder, tmp_path, capsys):
    odd = folder.rename(tmp_path / "it's $HOME & more")
    smoke.data.dir, smoke.epochs, smoke.learning_rate = str(odd), 1, 1e-5  # it learns nothing
    run = tmp_path / "a run"
    summary = fit(smoke, run)
    printed, predictions = capsys.readouterr().out, of_run(RunDirectory(run))
    low, high = summary["test_interval"]
    result = f"test accuracy {summary['test_accuracy']:.1%} on 6 photographs (95 % interval {low:.1%} to {high:.1%})"
    assert f"finished (epochs): {result}, model of epoch 1," in printed
    assert "and the model of the best epoch is kept (checkpoint.use)\n" in printed
    label, predicted, count = predictions.confusions()[0]
    assert f"confused most: {label} taken for {predicted}, {count} of 2 photographs\n" in printed
    worst = [predictions.paths[number] for number in predictions.mistakes()[:3]]
    listed = printed.partition("often wrong labels:\n")[2].splitlines()
    assert [line.split()[0] for line in listed[: len(worst)]] == worst
    first = predictions.mistakes()[0]
    assert f"{predictions.probability[first]:.1%}" in listed[0]

    commands = [shlex.split(line) for line in printed.partition("next:\n")[2].splitlines()]
    assert [command[1] for command in commands] == ["predict", "evaluate", "export"]
    predict.main(commands[0][2:])
    assert capsys.readouterr().out.startswith("path,label,probability,")
    assert commands[1][2:] == [f"--run={run}", f"--data={odd}", "--split=test"]

    (run / "report.html").touch()
    assert fit(smoke, run) == summary
    again = capsys.readouterr().out
    assert again.startswith(f"nothing to do, the run is complete. finished (epochs): {result}")
    assert "often wrong labels" in again and re.search(r"open '.*a run/report\.html'\n$", again)
    assert fit(smoke, run, print_test=False) == summary
    assert "test" not in capsys.readouterr().out
    with progress.quiet():
        fit(smoke, run)
    assert capsys.readouterr().out.count("\n") == 1
    (run / "predictions.csv").write_text("damaged")
    assert fit(smoke, run) == summary and "next:" in capsys.readouterr().out
