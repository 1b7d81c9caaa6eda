"""Pages of one file, which open without a network: templates of Jinja2, in which every text is escaped."""

import base64
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from flowers_jax.runtime.terminal import shown
from flowers_jax.storage import atomic


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("flowers_jax.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"shown": shown, "percent": percent}
    return environment


def percent(share: float | None) -> str:
    """`0.9231` as `92.3 %`."""
    return "-" if share is None else f"{100 * share:.1f} %"


def data_uri(content: bytes, kind: str) -> str:
    """What a page has in place of the address of a file.

    Args:
        kind: `image/svg+xml`, `image/jpeg`, ...
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def write(file: Path, template: str, values: Mapping[str, Any]) -> None:
    """Write the page, completely or not at all.

    Args:
        template: the name of a file in `templates/`, which extends `base.html`.
    """
    page = _environment().get_template(template).render(values)
    with atomic.replacing(file) as partial:
        partial.write_bytes(page.encode("utf-8", "backslashreplace"))  # file names that are not UTF-8 are legible
