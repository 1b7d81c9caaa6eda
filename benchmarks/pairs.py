"""Two versions of the code, whose training steps and predictions take turns: how many times as fast is the second?

GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python -m benchmarks.pairs MODEL OLD NEW [ROUNDS]

OLD and NEW are folders of clones. On a machine with neighbours a ratio of single rounds in turn says more than two
measurements one after the other.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

BATCH, WARM_UPS = 32, 2
SECONDS = 0.3
"""A call of training or prediction is repeated for so long in each round."""


def main(model: str, old: str, new: str, rounds: int = 10) -> dict[str, float]:
    """Medians over the rounds of old seconds through new seconds."""
    children = [_start(folder, model) for folder in (old, new)]
    ratios: dict[str, list[float]] = {"train": [], "inference": []}
    for _ in range(rounds):
        for what, found in ratios.items():
            before, after = (_ask(child, what) for child in children)
            found.append(before / after)
    for child in children:
        child.communicate()
    return {what: round(statistics.median(found), 3) for what, found in ratios.items()}


def _start(folder: str, model: str) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--answer", str(Path(folder).resolve()), model]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(child: subprocess.Popen[str], what: str) -> float:
    assert child.stdin and child.stdout
    child.stdin.write(what + "\n")
    child.stdin.flush()
    return float(child.stdout.readline())


def answer(folder: str, model: str) -> None:
    """For each line of the input, `train` or `inference`, a line with the seconds of a call of that clone's code."""
    sys.path.insert(0, folder)
    from benchmarks import ours

    program = ours.build(model, BATCH)
    calls = {"train": program.train, "inference": program.predict}
    for call in calls.values():
        for _ in range(WARM_UPS):
            call()
    for line in sys.stdin:
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < SECONDS:
            calls[line.strip()]()
            count += 1
        print((time.perf_counter() - begin) / count, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--answer":
        answer(*sys.argv[2:])
    else:
        model, old, new, *rounds = sys.argv[1:]
        print(json.dumps(main(model, old, new, *map(int, rounds))))
