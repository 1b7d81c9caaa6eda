"""Images a second in training and inference, beside Keras and PyTorch on this machine.

python scripts/benchmark.py [--peers=keras,torch] [--what=mobilenet_v2,cnn] [--json=FILE] [--profile=DIR]

Let nothing else run meanwhile. Each program runs in turn in a process of its own, in every round anew.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import SIZES, report, rounds
from flowers_jax import cli
from flowers_jax.errors import TrainingError, UsageError
from flowers_jax.storage import atomic


def main(argv: Sequence[str]) -> int:
    known = (*SIZES, *rounds.ALONE)
    flags = cli.parser(__doc__)
    flags.add_argument("--peers", default="", metavar="NAMES", help=f"of {','.join(rounds.PEERS)} (default: none)")
    flags.add_argument("--what", default=",".join(known), metavar="NAMES", help="(default: %(default)s)")
    flags.add_argument("--batch", default="32", metavar="SIZES", help="images in a batch; the fastest of several, as "
                       "128,256,512,1024 on a GPU, is shown (default: 32)")  # fmt: skip
    flags.add_argument("--rounds", type=int, default=3, help="the figures are their medians (default: 3)")
    flags.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too, after each program")
    flags.add_argument(
        "--profile", type=Path, metavar="DIR", help="write a trace of our training steps for TensorBoard there"
    )
    args = flags.parse_args(argv)
    peers, what = _names("--peers", args.peers, tuple(rounds.PEERS)), _names("--what", args.what, known)
    batches = [int(size) if size.isdecimal() else 0 for size in args.batch.split(",")]
    if min(*batches, args.rounds) < 1 or not what:
        raise UsageError(f"--batch={args.batch} --rounds={args.rounds} --what={args.what}: one at least of each")
    _check_outputs(args.json, args.profile)
    programs = ["ours", *(program for peer in peers if _installed(peer) for program in rounds.PEERS[peer])]
    done = []
    for one in rounds.measure(programs, what, batches, args.rounds, _say):
        done.append(one)
        if args.json:
            with atomic.replacing(args.json) as partial:
                partial.write_text(json.dumps(report.entries(done), indent=2) + "\n")
    print(report.table(report.entries(done)))
    if args.profile:
        _profile(next((name for name in what if name in SIZES), "mobilenet_v2"), batches[0], args.profile)
    worked = {(one.who, one.model) for one in done if one.result}
    return 1 if any((one.who, one.model) not in worked for one in done) else 0


def _names(flag: str, value: str, known: Sequence[str]) -> list[str]:
    names = [name for name in value.split(",") if name]
    for name in names:
        if name not in known:
            raise UsageError(f"{flag}={value}: {name!r} is none of {', '.join(known)}")
    return names


def _installed(peer: str) -> bool:
    package = peer.partition("-")[0]
    if importlib.util.find_spec(package):
        return True
    _say(f"{package} is not installed and left out: pip install -c constraints.txt -e '.[bench]'")
    return False


def _check_outputs(file: Path | None, folder: Path | None) -> None:
    """Before minutes of work, not after them."""
    if file and (file.is_dir() or not os.access(file.resolve().parent, os.W_OK)):
        raise UsageError(f"--json={file}: must be a file in a directory that can be written")
    if folder:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--profile={folder}: {error.strerror}; give a directory that can be made") from error


def _profile(model: str, batch: int, folder: Path) -> None:
    done = rounds.child("profile", model, str(batch), str(folder))
    if done.returncode:
        raise TrainingError(f"--profile={folder}: {done.stderr.strip().splitlines()[-1]}")
    print(f"\na trace of {model}: pip install tensorboard tensorboard-plugin-profile; tensorboard --logdir={folder}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
