"""The examples of docs/export.md run where nothing but the runtime of the format can be imported."""

import importlib.util
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from flowers_jax.data.decode import decode_for
from flowers_jax.export import EXPORTERS
from tests import browser
from tests.conftest import ROOT, png
from tests.data.pictures import scene
from tests.export.page.conftest import served

pytestmark = pytest.mark.wings
PAGE = (ROOT / "docs" / "export.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", PAGE, flags=re.S))
WITHOUT = """
import runpy, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
sys.path.insert(0, ".")
runpy.run_path({example!r})
"""


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    """The files of the formats that the examples read, the examples, and a photograph."""
    base = tmp_path_factory.mktemp("carried away")
    for name, exporter in EXPORTERS.items():
        installed = all(importlib.util.find_spec(package) for package in exporter.packages)
        if installed and name not in ("page", "tflite-int8"):
            exporter.write(small, base / f"model{exporter.suffix}")
    for name, code in EXAMPLES.items():
        (base / name).write_text(code)
    (base / "photograph.jpg").write_bytes(png(scene(1), "JPEG", quality=90))
    return base


def printed(folder, example: str, absent: tuple[str, ...]) -> str:
    command = [sys.executable, "-c", WITHOUT.format(absent=absent, example=example)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("example", "absent"),
    [
        ("stablehlo.py", ("flax", "flowers_jax", "tensorflow")),
        ("saved_model.py", ("flowers_jax", "flax", "jax", "jaxlib")),
        ("onnx.py", ("flowers_jax", "flax", "jax", "jaxlib", "tensorflow", "onnx")),
        ("tflite.py", ("flowers_jax", "flax", "jax", "jaxlib", "tensorflow")),
    ],
)
def test_an_example_names_the_models_class(small, folder, example, absent):
    for package in EXPORTERS[example.removesuffix(".py")].packages:
        pytest.importorskip(package)
    (wanted,) = small.model.predict([folder / "photograph.jpg"])
    name, probability = printed(folder, example, absent).split()
    assert name == small.model.classes[wanted.argmax()]
    assert float(probability) == pytest.approx(wanted.max(), abs=5e-3 if example == "saved_model.py" else 1e-4)


def test_the_parameters_are_read_without_jax(folder):
    assert printed(folder, "safetensors_names.py", ("flax", "flowers_jax", "jax", "jaxlib", "tensorflow")) == "3 3"


@pytest.mark.network  # npm brings the runtime
def test_the_modules_of_the_page_serve_another_page(small, folder):
    EXPORTERS["page"].write(small, folder / "model.page")
    (folder / "own.html").write_text('<link rel="icon" href="data:,"><script type="module" src="own.js"></script>')
    (wanted,) = small.model.predict([folder / "photograph.jpg"])
    with served(folder) as address, browser.chromium() as chromium:
        page = chromium.new_page()
        with page.expect_console_message() as said:
            page.goto(f"{address}/own.html")
        name, probability = said.value.text.split()
    assert name == small.model.classes[wanted.argmax()]
    assert float(probability) == pytest.approx(wanted.max(), abs=1e-3)


def test_the_pixels_of_the_page_are_those_of_the_package(small, folder):
    scope: dict = {}
    exec(EXAMPLES["pixels.py"], scope)
    data = (folder / "photograph.jpg").read_bytes()
    for rule in ({}, {"resize": "crop", "crop": 0.8, "interpolation": "bicubic"}):
        preprocessing = vars(small.model.preprocessing) | rule
        np.testing.assert_array_equal(
            scope["read"](folder / "photograph.jpg", preprocessing)[0],
            decode_for(data, type(small.model.preprocessing)(**preprocessing)),
        )


def test_tensorflow_decodes_as_pillow_does(small):
    """Within one grey level, of colours and of grey, larger and smaller than the model's input, whole and cropped."""
    from flowers_jax.export.saved_model import _decode

    pictures = [scene(1), scene(2).convert("L"), scene(3).resize((50, 21)), Image.new("RGB", (20, 300), "orange")]
    for picture in pictures:
        data = png(picture, "JPEG", quality=90)
        for rule in ({}, {"resize": "crop", "crop": 0.83}):
            preprocessing = type(small.model.preprocessing)(**vars(small.model.preprocessing) | rule)
            ours = decode_for(data, preprocessing).astype(int)
            assert np.abs(_decode(preprocessing, data).numpy() - ours).max() <= 1
