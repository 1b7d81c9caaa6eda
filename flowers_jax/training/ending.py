"""What a run says at its end: its result, what it confused, and the commands that come next."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowers_jax.config_types import Config
from flowers_jax.evaluation.predictions import Predictions, of_run
from flowers_jax.run.directory import REPORT, RunDirectory
from flowers_jax.runtime import progress
from flowers_jax.runtime.terminal import aligned, shown

MISTAKES = 3


def show_result(run: RunDirectory, summary: Mapping[str, Any], print_test: bool, before: str = "") -> None:
    """Print what the finished run reached.

    Args:
        print_test: with the figures of the test part.
        before: the start of the first line.
    """
    print(progress.styled(before + result(summary, print_test), "bold"), flush=True)
    if print_test and summary["test_examples"] and not progress.is_quiet():
        for line in _mistakes(run):
            print(line, flush=True)


def result(summary: Mapping[str, Any], print_test: bool = True) -> str:
    """One line."""
    parts = [f"model of epoch {summary['model_epoch']}", f"{summary['seconds']:.0f} s"]
    if not summary["test_examples"]:
        parts.insert(0, "no test part")
    elif print_test:
        parts.insert(0, f"test accuracy {summary['test_accuracy']:.1%} {_interval(summary)}")
    return f"finished ({summary['stopped_reason']}): {', '.join(parts)}"


def _interval(summary: Mapping[str, Any]) -> str:
    """On how many photographs, and the interval; an older version of the package wrote none."""
    on = f"on {summary['test_examples']:,} photographs"
    if not (interval := summary.get("test_interval")):
        return on
    return f"{on} (95 % interval {interval[0]:.1%} to {interval[1]:.1%})"


def _mistakes(run: RunDirectory) -> Iterator[str]:
    """The classes that are confused most, and the most confident mistakes."""
    try:
        predictions = of_run(run)
    except (ValueError, KeyError):  # damaged since, or of an older version; the summary has the result
        return
    if confusions := predictions.confusions():
        label, predicted, count = confusions[0]
        yield f"confused most: {shown(label)} taken for {shown(predicted)}, {count:,} of {_support(predictions, label)}"
    if mistakes := predictions.mistakes()[:MISTAKES]:
        yield "most confident mistakes on test photographs, often wrong labels:"
        yield from ("  " + line for line in aligned([_mistake(predictions, number) for number in mistakes], "<<<"))


def _support(predictions: Predictions, label: str) -> str:
    return f"{predictions.per_class()[label]['support']:,} photographs"


def _mistake(predictions: Predictions, number: int) -> list[str]:
    label, predicted = (predictions.classes[of[number]] for of in (predictions.labels, predictions.predicted))
    probability = f"{predictions.probability[number]:.1%}"
    return [shown(predictions.paths[number]), f"label {shown(label)}", f"predicted {shown(predicted)} {probability}"]


def show_next(run: RunDirectory, config: Config, summary: Mapping[str, Any]) -> None:
    """Print the next commands in full, which a shell takes as they are."""
    if progress.is_quiet():
        return
    print("next:")
    for command in _commands(run, config, summary):
        print(f"  {command}", flush=True)


def _commands(run: RunDirectory, config: Config, summary: Mapping[str, Any]) -> Iterator[str]:
    program, where = _program(), shlex.quote(f"--run={run.path}")
    data = os.path.expanduser(config.data.dir or config.data.csv or config.data.array)
    yield f"{program} predict {where} {_photograph(run, config)}"
    part = " --split=test" if data and summary["test_examples"] else ""
    yield f"{program} evaluate {where} {shlex.quote(f'--data={data}') if data else '--data=FOLDER'}{part}"
    yield f"{program} export {where} --format=saved_model {shlex.quote(f'--out={run.path}-export')}"
    if (run.path / REPORT).exists():
        yield f"{'open' if sys.platform == 'darwin' else 'xdg-open'} {shlex.quote(str(run.path / REPORT))}"


def _program() -> str:
    """The installed command, as the shell finds it."""
    name, beside = "flowers-jax", Path(sys.executable).with_name("flowers-jax")
    is_found = shutil.which(name) == str(beside)
    return shlex.quote(str(beside)) if beside.exists() and not is_found else name


def _photograph(run: RunDirectory, config: Config) -> str:
    """A test photograph of the run's folder, or a word in its place."""
    at_hand = run.read_splits() if config.data.dir else {}
    for path, row in at_hand.items():
        if row["split"] == "test" and path.isprintable():
            return shlex.quote(str(Path(os.path.expanduser(config.data.dir), path)))
    return "PHOTOGRAPH..."
