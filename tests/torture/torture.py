"""Run after run is disturbed and started again until it is done, and compared with one that nothing disturbed."""

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowers_jax.config_types import Config
from flowers_jax.run import seal
from tests.torture.attempt import Ended, attempt, forked
from tests.torture.faults import ERRORS, KILLS
from tests.torture.outcome import differences

KINDS = ("time", *KILLS, *ERRORS)
"""`time`: SIGKILL at a random moment; the others at a random call that changes something in the run directory."""

MOST_A_RUN = 10


@dataclass
class Report:
    """What happened.

    Attributes:
        faults: how many of each kind struck.
        runs: how many disturbed runs came to their end, each of which is equal to the one that was not.
        skipped: checkpoints that were found unfinished or damaged, and were not used.
        failures: what must not be: a status, a message or a file that is wrong. Empty, or it would have ended there.
    """

    calls: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)


def torture(config: Config, folder: Path, faults: int, kinds: Sequence[str], seed: int) -> Report:
    """Disturb runs of `config` below `folder` until `faults` faults struck; stops at the first failure.

    The order is that of `kinds`, again and again; places and times are drawn with `seed`.
    """
    rng, report = random.Random(seed), Report()
    for name in ("whole", "again"):  # the second finds its programs compiled, as all that follow
        ended = attempt(config, folder / name)
        report.calls, report.seconds = ended.calls, ended.seconds
        if ended.status:
            report.failures.append(f"{name}: status {ended.status}: {ended.said}")
            return report
    _compare(folder / "whole", folder / "again", report)
    while report.faults.total() < faults and not report.failures:
        run = folder / f"run-{report.runs + 1}"
        _disturb(config, run, faults, kinds, rng, report)
        _compare(folder / "whole", run, report)
        if not report.failures:
            report.runs += 1
            shutil.rmtree(run)
    return report


def _disturb(config: Config, run: Path, faults: int, kinds: Sequence[str], rng: random.Random, report: Report) -> None:
    """Start one run again and again until it is done."""
    calls, seconds = report.calls, report.seconds
    for _ in range(MOST_A_RUN):
        before, latest = _partial(run), _latest(run)
        kind, call = kinds[report.faults.total() % len(kinds)], rng.randint(1, max(1, calls))
        if report.faults.total() == faults:
            break
        if kind == "time":
            ended = attempt(config, run, kill_after=rng.uniform(0, seconds))
        else:
            ended = attempt(config, run, call=call, what=(KILLS | ERRORS)[kind])
            calls -= call  # about what is left of them
        _judge(kind, run, ended, latest, report)
        if kind == "ENOSPC" and (left := _partial(run) - before):
            report.failures.append(f"a full disk left {left}: ...{ended.said[-2000:]}")
        if ended.status == 0 or report.failures:
            return
        report.faults[kind] += 1
    latest = _latest(run)
    _judge("nothing", run, attempt(config, run), latest, report)


def _compare(whole: Path, run: Path, report: Report) -> None:
    def compare() -> int:
        print(*(different := differences(whole, run)))
        return 1 if different else 0

    status, said = forked(compare, run.with_name("differences.log"))
    if status:
        report.failures.append(f"{run}: differs in {said}")


def _judge(kind: str, run: Path, ended: Ended, latest: int, report: Report) -> None:
    """Whether a start ended as it should, went on from checkpoint `latest`, and lost none."""
    report.skipped += ended.said.count("is skipped")
    right = {0, 1} if kind in ERRORS else {0} if kind == "nothing" else {0, -9}
    if "cannot be written (" in ended.said:
        right |= {2}  # before it began
    wrong = [f"status {ended.status}"] if ended.status not in right else []
    wrong += ["a traceback"] if "Traceback" in ended.said else []
    wrong += ["it began anew"] if latest and "\ntrains " in ended.said and "\nresumed " not in ended.said else []
    wrong += [f"checkpoint {latest} is lost"] if _latest(run) < latest else []
    if wrong:
        report.failures.append(f"{run}: {kind}: {', '.join(wrong)}: ...{ended.said[-2000:]}")


def _latest(run: Path) -> int:
    """The number of the latest checkpoint that is sealed; 0 for none."""
    return max((int(path.parent.name) for path in run.glob(f"checkpoints/[0-9]*/{seal.NAME}")), default=0)


def _partial(run: Path) -> set[Path]:
    """What was begun and not finished."""
    return {*run.glob(".partial*"), *run.glob("checkpoints/*tmp*")}
