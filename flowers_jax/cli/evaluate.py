"""Measure a trained model on a folder of class folders; prints JSON.

    python scripts/evaluate.py --run=runs/NAME --data=FOLDER [--split=test] [--precision=float32]
    python scripts/evaluate.py --artifact=DIR/model.stablehlo --data=FOLDER [--split=test]

A file that export.py wrote is run by the runtime of its format; latency_ms is that of one image, bytes its size.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from flowers_jax.cli.flags import add_trained_model, parser
from flowers_jax.data.split import SPLITS
from flowers_jax.errors import UsageError


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    add_trained_model(flags, or_artifact=True)
    flags.add_argument("--data", required=True, metavar="FOLDER",
                       help="class folders, or train/validation/test of them; or FILE.csv, FILE.npz, tfds:NAME or "
                       "FILE.py:SOURCE, as --config.data.csv, array and name of training")  # fmt: skip
    flags.add_argument("--split", choices=SPLITS, default="",
                       help="the part of a divided folder (default: test; splits.csv decides for the run's own "
                       "photographs), or of an undivided folder by the run's splits.csv (default: all)")  # fmt: skip
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    if args.artifact is not None:
        if args.code or args.precision != "auto":
            raise UsageError("--artifact: --code and --precision are for --run; leave them out")
        from flowers_jax.export.evaluate import evaluate_file

        print(json.dumps(evaluate_file(Path(args.artifact), args.data, args.split), indent=2))
        return
    from flowers_jax.evaluation import trained_model  # imported after the flags, as in train.py
    from flowers_jax.evaluation.evaluate import evaluate, not_computed, trained_on
    from flowers_jax.runtime import compilation

    compilation.keep_programs()
    report = evaluate(trained_model.load(args.run, args.precision, args.code), args.data, args.split)
    for remark in filter(None, (trained_on(report), not_computed(report))):
        print(remark, file=sys.stderr)
    print(json.dumps(report, indent=2))
