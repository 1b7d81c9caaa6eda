"""Measure a trained model on a folder of class folders; prints JSON.

python scripts/evaluate.py --run=runs/NAME --data=FOLDER [--split=test] [--precision=float32]
"""

import argparse
import json
import sys
from collections.abc import Sequence

from flowers_jax.cli.flags import add_trained_model, parser
from flowers_jax.data.split import SPLITS


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    add_trained_model(flags)
    flags.add_argument("--data", required=True, metavar="FOLDER",
                       help="class folders, or train/validation/test of them; or FILE.csv, tfds:NAME or "
                       "FILE.py:SOURCE, as --config.data.csv and --config.data.name of training")  # fmt: skip
    flags.add_argument("--split", choices=SPLITS, default="",
                       help="the part of a divided folder (default: test; splits.csv decides for the run's own "
                       "photographs), or of an undivided folder by the run's splits.csv (default: all)")  # fmt: skip
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    from flowers_jax.evaluation import trained_model  # imported after the flags, as in train.py
    from flowers_jax.evaluation.evaluate import evaluate, not_computed, trained_on
    from flowers_jax.runtime import compilation

    compilation.keep_programs()
    report = evaluate(trained_model.load(args.run, args.precision, args.code), args.data, args.split)
    for remark in filter(None, (trained_on(report), not_computed(report))):
        print(remark, file=sys.stderr)
    print(json.dumps(report, indent=2))
