"""Write a trained model as files for phone, server and browser, and compare each with the model.

    python scripts/export.py --run=runs/NAME --format=stablehlo,saved_model --out=DIR [--data=FOLDER] [--count=200]

Everything is written or nothing. DIR/export.json says how well each file agrees with the model.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from flowers_jax.cli.flags import add_run, parser


def make_parser() -> argparse.ArgumentParser:
    from flowers_jax.export import EXPORTERS  # loads JAX, as `add_trained_model` does

    flags = parser(__doc__)
    add_run(flags)
    flags.add_argument("--format", required=True, metavar="NAME,NAME", help=f"of {', '.join(EXPORTERS)}")
    flags.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new or empty folder")
    flags.add_argument("--data", default="", metavar="FOLDER",
                       help="photographs to compare on, as in evaluate.py (default: the run's test part)")  # fmt: skip
    flags.add_argument("--count", type=int, default=200, metavar="N", help="how many, at most (default: 200)")
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    export(args.run, args.code, args.format.split(","), args.out, args.count, args.data)


def export(run: str, code: Sequence[str], formats: Sequence[str], out: Path, count: int, data: str = "") -> None:
    """Write the formats to a new or empty folder; `code`, `count` and `data` as the flags."""
    from flowers_jax.evaluation import trained_model
    from flowers_jax.export import Exported, folder
    from flowers_jax.runtime import compilation

    exporters = folder.check_request(formats, out, count)
    compilation.keep_programs()
    exported = Exported(trained_model.load(run, "float32", code), data)
    folder.export(exported, exporters, out, count, print)
