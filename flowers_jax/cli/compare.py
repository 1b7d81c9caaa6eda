"""Compare finished runs: keys that differ, figures, curves, classes, and whether chance explains the difference.

    python scripts/compare.py RUN RUN... [--out=FILE.html] [--json]

RUN is a run directory, or a folder of them, as a sweep or a cross-validation writes. Every run is compared with the
first: by McNemar's exact test on the photographs that both tested.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowers_jax.cli.flags import parser
from flowers_jax.errors import UsageError
from flowers_jax.runtime.terminal import aligned, shown

MOST_CLASSES = 10


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    flags.add_argument(
        "runs", nargs="+", metavar="RUN", help="a run directory that train.py wrote, or a folder of them"
    )
    flags.add_argument("--out", type=Path, metavar="FILE", help="also a page, a file that ends in .html")
    flags.add_argument("--json", action="store_true", help="print JSON")
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    if args.out is not None and args.out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--out={args.out}: is a page; give a file that ends in .html")
    from flowers_jax.evaluation.comparison import compare  # imported after the flags, as in train.py

    facts = compare(args.runs)
    if args.out is not None:
        _write(args.out, facts)
    for warning in facts["warnings"]:
        print(shown(f"warning: {warning}"), file=sys.stderr)
    print(json.dumps(facts, indent=2) if args.json else _text(facts, shutil.get_terminal_size().columns))
    if args.out is not None:
        print(f"wrote {shown(str(args.out))}", file=sys.stderr)


def _write(file: Path, facts: dict[str, Any]) -> None:
    from flowers_jax.report import comparison  # loads Jinja2

    try:
        comparison.write(file, facts)
    except OSError as error:
        raise UsageError(f"--out={file}: cannot be written ({error.strerror or error}); give another file") from error


def _text(facts: dict[str, Any], width: int) -> str:
    from flowers_jax.report import comparison

    keys = comparison.keys(facts)
    classes, more = comparison.classes(facts, "recall", MOST_CLASSES)
    others = f"\n{more} more classes; --json has them" if more else ""
    parts = [
        _fitting(comparison.figures(facts), width),
        f"keys that differ\n{_fitting(keys, width)}" if facts["keys"] else "no key of the config differs",
        f"recall of the first run, and by how many points the others differ\n{_aligned(classes)}{others}",
        "\n".join(shown(one["words"]) for one in facts["against_first"]),
        *map(shown, facts["notes"]),
    ]
    return "\n\n".join(parts)


def _fitting(table: list[list[str]], width: int) -> str:
    """Aligned columns; with a row for each run where columns of them are wider than the terminal."""
    from flowers_jax.report.comparison import turned

    as_it_is, other = _aligned(table), _aligned(turned(table))
    return as_it_is if _width(as_it_is) <= width or _width(as_it_is) <= _width(other) else other


def _width(text: str) -> int:
    return max(map(len, text.splitlines()))


def _aligned(table: list[list[str]]) -> str:
    return "\n".join(aligned([[shown(cell) for cell in row] for row in table]))
