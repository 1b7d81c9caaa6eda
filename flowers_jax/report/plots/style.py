"""How every picture looks: colours, sizes, and names as text."""

import contextlib
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

from flowers_jax.runtime.terminal import shown

P = ParamSpec("P")
T = TypeVar("T")

BLUE, ORANGE, GREEN, RED, PURPLE = "#0072b2", "#d55e00", "#009e73", "#c1272d", "#aa4499"
"""Apart for colour-blind readers too; the first three are of Okabe and Ito 2008, https://jfly.uni-koeln.de/color/."""

TEXT, QUIET, LINE, BAND = "#1b1f24", "#57606a", "#d0d7de", "#f6f8fa"
"""Those of the page (`templates/base.html`). `save.page_svg` exchanges them where the page is dark."""

MOST_LETTERS = 24
OTHER_SCRIPTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "PingFang SC", "Microsoft YaHei", "Noto Sans Arabic", "Noto Sans Hebrew",
    "Noto Sans Devanagari",
)  # fmt: skip
"""Fonts for the letters that DejaVu Sans lacks, where they are installed."""


@functools.cache
def _settings() -> dict[str, object]:
    installed = set(font_manager.get_font_names())
    return {
        "axes.axisbelow": True,
        "axes.edgecolor": QUIET,
        "axes.facecolor": "none",
        "axes.grid": False,
        "axes.labelcolor": TEXT,
        "axes.linewidth": 0.8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": TEXT,
        "axes.titlelocation": "left",
        "axes.titlesize": 13,
        "axes.titleweight": "bold",
        "figure.dpi": 110,
        "figure.facecolor": "white",
        "font.family": ["DejaVu Sans", *(name for name in OTHER_SCRIPTS if name in installed)],
        "font.size": 12,
        "grid.color": LINE,
        "grid.linewidth": 0.8,
        "image.composite_image": False,
        "legend.frameon": False,
        "savefig.dpi": "figure",
        "svg.fonttype": "none",  # text can be searched and is read aloud
        "svg.hashsalt": "flowers_jax",  # the same figure gives the same bytes
        "text.color": TEXT,
        "text.parse_math": False,  # the name of a class may have a $
        "text.usetex": False,
        "xtick.color": QUIET,
        "xtick.labelcolor": TEXT,
        "ytick.color": QUIET,
        "ytick.labelcolor": TEXT,
    }


@contextlib.contextmanager
def settings() -> Iterator[None]:
    """Within this context matplotlib draws in this style; a letter that no font has is a box, without a warning."""
    with matplotlib.rc_context(_settings()), warnings.catch_warnings():  # type: ignore[arg-type]  # any of its keys
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """`draw`, within `settings`."""

    @functools.wraps(draw)
    def drawn(*arguments: P.args, **given: P.kwargs) -> T:
        with settings():
            return draw(*arguments, **given)

    return drawn


def figure(width: float, height: float) -> Figure:
    """A figure in inches whose parts are laid out when it is saved. Nothing outside the figure changes."""
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))


def percent(share: float) -> str:
    """`0.9231` as `92 %`."""
    return f"{100 * share:.0f} %"


def percent_axis(axis: Axis) -> None:
    """Ticks of shares as `92 %`."""
    axis.set_major_formatter(PercentFormatter(1.0, None, " %"))


def label(name: str, most: int = MOST_LETTERS) -> str:
    """The name of a class or file as text of at most `most` letters, on one line, without control characters."""
    text = shown(name)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def title(axes: Axes, text: str, small: str = "") -> None:
    """A title, and below it a line of small print."""
    axes.set_title(text, pad=26 if small else 8)
    if small:
        axes.annotate(
            small, (0, 1), (0, 8), xycoords="axes fraction", textcoords="offset points", color=QUIET, fontsize=11
        )
