"""Writes a folder of exported files, each compared with the model: completely or not at all."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from flowers_jax.errors import UsageError
from flowers_jax.export.check import check, expected
from flowers_jax.export.description import describe
from flowers_jax.export.photographs import for_check
from flowers_jax.export.registry import Exported, Exporter, find
from flowers_jax.storage import atomic

NAME = "model"
"""How the names of the files begin."""


def check_request(formats: Sequence[str], out: Path, count: int) -> list[Exporter]:
    """The formats, when all that can be known before work starts is right.

    Raises:
        UsageError: a format is unknown, named twice or lacks a package, the folder is not empty, or no photograph is
            to be compared.
    """
    exporters = [find(name) for name in formats]
    if twice := sorted({name for name in formats if formats.count(name) > 1}):
        raise UsageError(f"--format={','.join(formats)}: {twice[0]} is there twice")
    if count < 1:
        raise UsageError(f"--count={count}: must be at least 1, because every file is compared with the model")
    if os.path.exists(out) and (not os.path.isdir(out) or os.listdir(out)):
        raise UsageError(f"--out={out}: exists already and is not an empty folder")
    return exporters


def export(
    exported: Exported, exporters: Sequence[Exporter], out: Path, count: int, say: Callable[[str], None]
) -> None:
    """Write each format as `model` and its suffix, and `export.json`: the description, and how well each file agrees.

    Args:
        count: how many photographs each file is compared on, at most.
        say: gets one line for each format, and one for the folder.

    Raises:
        UsageError: the folder cannot be written, or there are no photographs.
        TrainingError: a file differs from the model by more than its format may.
        OSError: the disk is full.
    """
    formats = {}
    with _making(out) as folder:
        images, source = for_check(exported, count)
        wanted = expected(exported.model, images)
        for exporter in exporters:
            path = folder / f"{NAME}{exporter.suffix}"
            exporter.write(exported, path)
            found, size = check(exporter, path, images, wanted), size_of(path)
            formats[exporter.name] = {"file": path.name, "bytes": size} | found._asdict()
            say(
                f"{exporter.name:<12} {path.name}, {size / 1e6:.1f} MB: differs by up to "
                f"{found.largest_difference:.1e}, {found.top1_agreement:.1%} same class"
            )
        report = describe(exported.model) | {
            "compared_on": {"images": len(images), "source": source},
            "formats": formats,
        }
        (folder / "export.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    say(f"compared on {len(images)} {source}; wrote {out}")


@contextlib.contextmanager
def _making(out: Path) -> Iterator[Path]:
    """`atomic.making`, which refuses before work starts what it cannot write."""
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(atomic.making(out.resolve()))
        except OSError as error:
            raise UsageError(f"--out={out}: cannot be written ({error.strerror or error})") from error
        yield folder


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files of a folder."""
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
