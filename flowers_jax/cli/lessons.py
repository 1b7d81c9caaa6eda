"""Explain convolution in lessons that compute every number they print.

    python scripts/lessons.py [NAME] [--out=DIR] [--photograph=FILE]

NAME is line-detector, one-by-one, shapes or backward, or 1 to 4; without NAME all four are printed. --out also writes
the pictures.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from flowers_jax.cli.flags import parser
from flowers_jax.errors import UsageError
from flowers_jax.lessons import LESSONS, photograph


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    flags.add_argument("lesson", nargs="?", metavar="NAME", help="one lesson, by name or number (default: all)")
    flags.add_argument("--out", metavar="DIR", help="write the lessons' pictures there, as PNG")
    flags.add_argument("--photograph", metavar="FILE", help="what the line detector looks at (default: a drawn flower)")
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    names = _names(args.lesson)
    picture = photograph.load(args.photograph)
    texts = ["\n".join(LESSONS[name](picture)) for name in names]
    written = [] if args.out is None else _write(names, picture, Path(args.out))
    print("\n\n\n".join(texts))
    if written:
        print(f"\nwrote {', '.join(map(str, written))}")


def _names(lesson: str | None) -> list[str]:
    numbered = {str(number): name for number, name in enumerate(LESSONS, start=1)}
    name = numbered.get(lesson or "", lesson)
    if name is not None and name not in LESSONS:
        raise UsageError(f"no lesson {lesson!r}: NAME is one of {', '.join(LESSONS)}, or 1 to {len(LESSONS)}")
    return list(LESSONS) if name is None else [name]


def _write(names: Sequence[str], picture: photograph.Photograph, folder: Path) -> list[Path]:
    """Write the pictures of the lessons; all are drawn before the first is written."""
    from flowers_jax.lessons import pictures  # matplotlib loads only when a picture is drawn

    files = {folder / f"{title}.png": png for name in names for title, png in pictures.draw(name, picture).items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, png in files.items():
            path.write_bytes(png)
    except OSError as error:
        raise UsageError(
            f"--out={folder}: cannot be written ({error.strerror or error}); give another folder"
        ) from error
    return list(files)
