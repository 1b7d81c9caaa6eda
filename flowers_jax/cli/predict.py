"""Print the three likeliest classes of photographs, as CSV.

python scripts/predict.py --run=runs/NAME [--precision=float32] PATH...
"""

import argparse
import csv
import sys
from collections.abc import Sequence

from flowers_jax.cli.flags import add_trained_model, parser
from flowers_jax.data.dataset import Skipped
from flowers_jax.errors import UsageError

TOP = 3


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    add_trained_model(flags)
    flags.add_argument("paths", nargs="+", metavar="PATH", help="a photograph")
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    from flowers_jax.evaluation import trained_model  # imported after the flags, as in train.py
    from flowers_jax.runtime import compilation

    compilation.keep_programs()
    model = trained_model.load(args.run, args.precision, args.code)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    names = [name + suffix for suffix in ("", "_2", "_3") for name in ("label", "probability")]
    writer.writerow(["path", *names])
    read = 0
    for path, outcome in trained_model.predict_files(model, args.paths):
        if isinstance(outcome, Skipped):
            print(outcome, file=sys.stderr)
            continue
        read += 1
        best = (-outcome).argsort(kind="stable")[:TOP]  # the first of equal values, like argmax
        cells = [cell for i in best for cell in (model.classes[i], f"{outcome[i]:.6f}")]
        writer.writerow([path, *cells, *[""] * (2 * TOP - len(cells))])
    if not read:
        raise UsageError(f"none of {len(args.paths)} files could be read")
