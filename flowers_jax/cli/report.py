"""Write the page of a finished run again, or a page on new photographs with labels.

    python scripts/report.py --run=runs/NAME [--data=FOLDER] [--out=FILE] [--precision=float32]

Without --data the page is report.html in the run directory: the result on the test part. With --data it is
report-FOLDER.html there: what the model says of the photographs in FOLDER.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from flowers_jax.cli.flags import add_trained_model, parser
from flowers_jax.errors import UsageError


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    add_trained_model(flags)
    flags.add_argument("--data", metavar="FOLDER",
                       help="class folders; or FILE.csv, FILE.npz, tfds:NAME or FILE.py:SOURCE, as for evaluate.py "
                       "(default: the test part of the run)")  # fmt: skip
    flags.add_argument("--out", metavar="FILE", help="where to write (default: in the run directory)")
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    from flowers_jax.evaluation import trained_model  # imported after the flags, as in train.py
    from flowers_jax.report import run_report
    from flowers_jax.runtime import compilation

    compilation.keep_programs()
    model = trained_model.load(args.run, args.precision, args.code)
    file = _checked(Path(args.out) if args.out else model.run.path / _default(args.data))
    tested = run_report.of_new(model, args.data) if args.data else run_report.of_run(model)
    run_report.write(model, tested, file)
    print(f"wrote {file}")


def _default(data: str | None) -> str:
    from flowers_jax.run.directory import REPORT

    if not data:
        return REPORT
    name = Path(data).resolve().stem if os.path.exists(data) else data
    return f"report-{''.join(c if c.isalnum() else '-' for c in name)}.html"


def _checked(file: Path) -> Path:
    """The file, which can be written as far as one can tell before.

    Raises:
        UsageError: it is a folder, or its folder is missing or cannot be written.
    """
    if file.is_dir():
        raise UsageError(f"--out={file}: is a folder; give a file")
    if not file.parent.is_dir():
        raise UsageError(f"--out={file}: there is no folder {file.parent}; make it, or give another file")
    if not os.access(file.parent, os.W_OK):
        raise UsageError(f"--out={file}: its folder cannot be written; give another --out")
    return file
