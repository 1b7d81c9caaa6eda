"""Kill a training again and again, fail its disk, and compare what it comes to with one that nothing disturbed.

    python scripts/torture.py --config=configs/smoke.py [--faults=200] [--kinds=time,...] [--config.key=value ...]

Linux with a C compiler and what `make test` installs. Exit status 1 if anything is lost.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from flowers_jax import cli
from flowers_jax.errors import TrainingError, UsageError


def main(argv: Sequence[str]) -> None:
    flags = cli.config_parser(__doc__)
    flags.add_argument("--faults", type=int, default=200, help="how many are to strike (default: 200)")
    flags.add_argument("--kinds", default="time,before,after,within", help="which, in turn: time,before,after,within "
                       "kill; ENOSPC,EIO,EROFS,EACCES fail (default: time,before,after,within)")  # fmt: skip
    flags.add_argument("--seed", type=int, default=0, help="draws when and where")
    config, args = cli.parse_config(flags, argv)
    from flowers_jax.data.lazy_tensorflow import tensorflow
    from tests.torture import faults
    from tests.torture.torture import KINDS, torture

    kinds = args.kinds.split(",")
    if strange := set(kinds) - set(KINDS):
        raise UsageError(f"--kinds={args.kinds}: {', '.join(sorted(strange))}: must be of {','.join(KINDS)}")
    if args.faults < 1:
        raise UsageError(f"--faults={args.faults}: must be at least 1")
    library = (
        Path(tempfile.gettempdir()) / f"flowers_jax-faults-{os.getpid()}.so"
    )  # its number stays when it starts again
    if not library.exists():
        faults.start_again_with(faults.build(library))
    library.unlink()
    tensorflow()  # once, in place of once a start
    with tempfile.TemporaryDirectory(prefix="flowers_jax-torture-") as folder:
        report = torture(config, Path(folder), args.faults, kinds, args.seed)
    print(f"an undisturbed run: {report.calls} calls that change something, {report.seconds:.1f} s")
    for kind, count in report.faults.items():
        print(f"{count:>6}  {kind}")
    print(f"{report.faults.total()} faults, {report.runs} runs came to their end equal to one that nothing disturbed; "
          f"{report.skipped} times a checkpoint was not used")  # fmt: skip
    if report.failures:
        raise TrainingError(report.failures[0])
