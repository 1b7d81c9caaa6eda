"""docs/convolution.md shows what the lessons compute now."""

import io
import re

import numpy as np
from PIL import Image

from flowers_jax.lessons import LESSONS, photograph, pictures
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGE = (DOCS / "convolution.md").read_text()


def test_every_block_is_printed():
    flower = photograph.load()
    printed = "\n".join("\n".join(lines(flower)) for lines in LESSONS.values())
    blocks = re.findall(r"```text\n(.*?)\n```", PAGE, flags=re.S)
    assert len(blocks) > 5
    assert [block for block in blocks if f"\n{block}\n" not in f"\n{printed}\n"] == []


def test_every_picture_is_the_one_that_is_drawn_now():
    flower = photograph.load()
    drawn = {name: png for lesson in LESSONS for name, png in pictures.draw(lesson, flower).items()}
    assert sorted(re.findall(r"!\[[^]]+\]\(convolution/(.+?)\.png\)", PAGE)) == sorted(drawn)
    assert {path.stem for path in (DOCS / "convolution").iterdir()} == set(drawn)
    for name, png in drawn.items():
        committed, now = (_grey(data) for data in ((DOCS / "convolution" / f"{name}.png").read_bytes(), png))
        assert committed.shape == now.shape, name
        assert np.abs(committed - now).mean() < 1, name  # of 255; fonts are rendered a little differently elsewhere


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert [link for link in links if not (DOCS / link).exists()] == []


def _grey(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("L"), np.float32)
