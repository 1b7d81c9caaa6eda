"""Runs that reports are made of."""

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

from flowers_jax.data.sources import procedural
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config

SCRIPT = "<script>alert(1)</script>"
CLASSES = (SCRIPT, "quote\"s & 'more'", "right\u202eleft")
STRANGE = ('double"quote', "single'quote", "line\nbreak", "right\u202eleft", "<b>bold")
"""What names of files contain."""


def hostile_table(root: Path, count: int = 20) -> Path:
    """A table of drawn flowers whose classes and files have strange names."""
    root.mkdir()
    lines = ["path,label"]
    for kind, (name, drawn) in enumerate(zip(CLASSES, procedural.PETALS, strict=True)):
        for number in range(count):
            file = f"{kind} {STRANGE[number % len(STRANGE)]} {number}.png"
            (root / file).write_bytes(procedural.draw(drawn, 1000 * kind + number))
            lines.append(",".join('"' + text.replace('"', '""') + '"' for text in (file, name)))
    (root / "flowers.csv").write_text("\n".join(lines) + "\n")
    return root / "flowers.csv"


def barely_trained(run: Path, table: Path | None = None, **keys: object) -> Path:
    """A run of one epoch, so that some of its test photographs are mistakes.

    Args:
        keys: of the config, with `__` for each dot.
    """
    config = smoke_config()
    config.epochs, config.learning_rate, config.data.split = 1, 3e-4, (0.5, 0.2, 0.3)
    if table:
        config.data.csv = str(table)
    with config.unlocked():
        config.update_from_flattened_dict({name.replace("__", "."): value for name, value in keys.items()})
    fit(config, run)
    return run


class Page(HTMLParser):
    """What a browser reads: the text, the elements, and the images with their `alt`."""

    def __init__(self, file: Path):
        super().__init__()
        self.words: list[str] = []
        self.elements: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(file.read_text("utf-8"))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def of(self, words: str) -> list[dict[str, str | None]]:
        """The images whose `alt` begins with these words."""
        return [image for image in self.images if str(image["alt"]).startswith(words)]
