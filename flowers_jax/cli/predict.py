"""Predict the classes of photographs: print them, and sort the photographs into a folder for each class.

    python scripts/predict.py --run=runs/NAME PATH... [--format=table] [--sort=DIR [--review-below=0.8]]

PATH is a photograph, a folder, a pattern such as 'photos/*.jpg' or 'photos/**/*.jpg', or - for a list on standard
input, one path a line. A file that cannot be read is named on standard error, and the others are predicted.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO

from flowers_jax.cli.flags import add_trained_model, parser
from flowers_jax.data.dataset import Skipped
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.formats import FORMATS, TOP, ranked
from flowers_jax.storage.atomic import replacing
from flowers_jax.storage.placing import placing


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    add_trained_model(flags)
    flags.add_argument("paths", nargs="+", metavar="PATH", help="a photograph, a folder, a pattern, or - for a list")
    flags.add_argument("--recursive", action="store_true", help="read the folders below a folder too")
    flags.add_argument("--format", choices=tuple(FORMATS), default="csv",
                       help="csv; json: a list of {path, predictions: [{label, probability}]}; "
                       "table: percentages, for a person")  # fmt: skip
    flags.add_argument("--top", type=int, default=TOP, metavar="K", help=f"how many classes (default: {TOP})")
    flags.add_argument("--out", metavar="FILE", help="write there, completely or not at all (default: print)")
    flags.add_argument("--sort", metavar="DIR",
                       help="copy each photograph into the folder of its likeliest class in DIR; nothing there "
                       "is overwritten")  # fmt: skip
    flags.add_argument("--review-below", type=float, metavar="P",
                       help="with --sort: copy into DIR/review what has a probability of less than P")  # fmt: skip
    flags.add_argument("--explain", metavar="DIR",
                       help="write each photograph into DIR with what speaks for its likeliest class (Grad-CAM) in "
                       "colours over it")  # fmt: skip
    flags.add_argument("--batch-size", type=int, metavar="N", help="photographs at a time (default: as in training)")
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    _check_numbers(args)
    # Imported after the flags, as in train.py.
    from flowers_jax.evaluation import explain, selection, sort, trained_model
    from flowers_jax.runtime import compilation, progress, signals

    compilation.keep_programs()
    model = trained_model.load(args.run, args.precision, args.code)
    selected = selection.select(args.paths, recursive=args.recursive)
    _check_places(args, selected.paths, selected.folders)
    folders, total = sort.folder_names(model.classes), len(selected.paths)
    with signals.raised(), contextlib.ExitStack() as held:
        file = held.enter_context(_output(args.out))
        outcomes = held.enter_context(closing(trained_model.predict_files(model, selected.paths, args.batch_size)))
        if not file.isatty():  # where the lines themselves show how far it is
            outcomes = held.enter_context(closing(progress.track(outcomes, "predicting", total, stream="stderr")))
        predicted = _readable([*selected.unread], outcomes)
        if args.explain is not None:
            place = held.enter_context(placing(args.explain, f"--explain={args.explain}"))
            predicted = explain.explained(predicted, model, place)
        if args.sort is not None:
            place = held.enter_context(placing(args.sort, f"--sort={args.sort}", [*folders, sort.REVIEW]))
            predicted = sort.copied(predicted, place, folders, args.review_below or 0.0)
        rows = (ranked(one.path, one.probabilities, model.classes, args.top) for one in predicted)
        file.writelines(FORMATS[args.format](rows, model.classes, args.top))
    if selected.ignored:
        print(f"ignored {selected.ignored} files of folders: hidden, or no photographs", file=sys.stderr)


def _check_numbers(args: argparse.Namespace) -> None:
    if args.top < 1:
        raise UsageError(f"--top={args.top}: must be at least 1")
    if args.batch_size is not None and args.batch_size < 1:
        raise UsageError(f"--batch-size={args.batch_size}: must be at least 1")
    if args.review_below is not None and args.sort is None:
        raise UsageError(f"--review-below={args.review_below}: only with --sort=DIR, into which photographs are copied")
    if args.review_below is not None and not 0 < args.review_below <= 1:
        raise UsageError(f"--review-below={args.review_below}: must be a probability, above 0 and at most 1")


def _check_places(args: argparse.Namespace, paths: Sequence[str], folders: Sequence[str]) -> None:
    """Refuse results among the photographs that are read, and a file that cannot be written."""
    for flag, given in (("--sort", args.sort), ("--explain", args.explain)):
        for folder in folders:
            if given is not None and Path(os.path.realpath(given)).is_relative_to(os.path.realpath(folder)):
                raise UsageError(f"{flag}={given}: is inside {folder}, whose photographs are read; give another folder")
    if args.out is None:
        return
    above = Path(args.out).parent
    if os.path.lexists(args.out) and not os.path.isfile(args.out):
        raise UsageError(f"--out={args.out}: exists already and is not a regular file")
    if not (os.path.isdir(above) and os.access(above, os.W_OK)):
        raise UsageError(f"--out={args.out}: {above} is no folder that can be written to")
    if os.path.realpath(args.out) in map(os.path.realpath, paths):
        raise UsageError(f"--out={args.out}: is one of the files that are read")


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[TextIO]:
    if path is None:
        yield sys.stdout
        return
    with replacing(Path(path)) as partial, partial.open("w", encoding="utf-8", errors="surrogateescape") as file:
        yield file


def _readable(refused: list[Skipped], outcomes: Iterable[Any]) -> Iterator[Any]:
    """The outcomes of `predict_files` but `Skipped`, which are named on standard error once a file could be read.

    Args:
        refused: what could not be read already.

    Raises:
        UsageError: no file could be read.
    """
    some = False
    for outcome in outcomes:
        if isinstance(outcome, Skipped):
            refused.append(outcome)
            continue
        some = True
        _name(refused)
        yield outcome
    if not some:
        raise UsageError(f"none of {len(refused)} files could be read; the first: {refused[0]}")
    _name(refused)


def _name(refused: list[Skipped]) -> None:
    for one in refused:
        print(one, file=sys.stderr)
    refused.clear()
