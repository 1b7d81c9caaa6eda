"""A figure as bytes and as files. The same figure gives the same bytes."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from flowers_jax.report.plots import style
from flowers_jax.storage import atomic

DARK = {style.TEXT: "#e6e8eb", style.QUIET: "#a3abb5", style.LINE: "#3a424b", style.BAND: "#1e2328"}
"""The colours of the dark page by those of the light one."""


@style.styled
def lay_out(figure: Figure) -> None:
    """Give its parts their places, once for all files: this takes as long as drawing."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


@style.styled
def png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


@style.styled
def svg(figure: Figure, *, transparent: bool = False) -> bytes:
    """Text is text in it, escaped."""
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", transparent=transparent, metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def page_svg(figure: Figure) -> bytes:
    """As `svg`, for a page: without a background, and with text and axes in the light or dark colours of its reader."""
    text = svg(figure, transparent=True).decode()
    for number, light in enumerate(DARK):
        text = text.replace(light, f"var(--c{number})")
    by_scheme = [
        ";".join(f"--c{number}:{pair[scheme]}" for number, pair in enumerate(DARK.items())) for scheme in (0, 1)
    ]
    rules = f"<style>svg{{{by_scheme[0]}}}@media(prefers-color-scheme:dark){{svg{{{by_scheme[1]}}}}}</style>"
    return text.replace("<defs>", f"{rules}<defs>", 1).encode()


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write `NAME.svg` and `NAME.png`, each completely or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written.
    """
    lay_out(figure)
    for kind, content in (("svg", svg(figure)), ("png", png(figure))):
        with atomic.replacing(folder / f"{name}.{kind}") as partial:
            partial.write_bytes(content)
