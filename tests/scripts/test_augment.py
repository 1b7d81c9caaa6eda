"""The picture of an augmentation."""

import numpy as np
import pytest
from PIL import Image

from flowers_jax.data.sources import procedural
from tests.scripts.commands import SMOKE, script


@pytest.fixture
def flowers(tmp_path):
    paths = [tmp_path / f"{name}.png" for name in procedural.PETALS]
    for path in paths:
        path.write_bytes(procedural.draw(path.stem, 0))
    return paths


def test_a_row_for_each_photograph_and_a_column_for_each_view(flowers, tmp_path, capsys):
    out = tmp_path / "grid.png"
    assert script("augment", *SMOKE, *flowers, f"--out={out}", "--views=4", "--config.augment.rotation_range=30") == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    grid = np.asarray(Image.open(out).convert("RGB"))
    cells = [grid[32:60, 6 + 34 * column : 34 + 34 * column] for column in range(5)]
    assert grid.shape == (26 + 6 + 3 * 34, 6 + 5 * 34, 3)
    assert len({cell.tobytes() for cell in cells}) == 5


def test_mixing_says_how_much_of_each_label_is_its_own(flowers, tmp_path):
    pictures = []
    for alpha in (0, 1):
        out = tmp_path / f"{alpha}.png"
        assert script("augment", *SMOKE, *flowers, f"--out={out}", f"--config.augment.mixup={alpha}") == 0
        pictures.append(np.asarray(Image.open(out)))
    assert pictures[0].shape == pictures[1].shape and (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize(
    ("key", "changed", "column"),
    [("model.weights", "torchvision_v2", 0), ("model.options.alpha", "0.5", 0), ("data.normalize", "rescale", 1)],
)
def test_photographs_are_those_of_the_weights_and_of_the_data(flowers, tmp_path, key, changed, column):
    """Their own crop and interpolation in evaluation; painted over in the colour that becomes zero."""
    pictures = []
    for name, override in (("auto", []), (key, [f"--config.{key}={changed}"])):
        out = tmp_path / f"{name}.png"
        flags = [
            "--config=configs/mobilenet_frozen.py",
            "--config.data.crop=0",
            "--config.data.image_size=40",
            *override,
        ]
        assert (
            script("augment", *flags, *flowers, f"--out={out}", "--config.augment.random_erasing=1", "--views=1") == 0
        )
        left = 6 + 46 * column
        pictures.append(np.asarray(Image.open(out))[32:72, left : left + 40])
    assert (pictures[0] != pictures[1]).any()


def test_mistakes_are_one_line(flowers, tmp_path, capsys):
    text = tmp_path / "text.jpg"
    text.write_text("no image")
    for arguments, words in (
        ([text, f"--out={tmp_path}/a.png"], "text.jpg: not an image"),
        ([tmp_path / "gone.jpg", f"--out={tmp_path}/a.png"], "gone.jpg: No such file"),
        ([flowers[0], f"--out={tmp_path}/no/a.png"], "a.png: cannot be written"),
        ([flowers[0], f"--out={tmp_path}/a.png", "--views=0"], "--views=0: must be from 1 to 50"),
    ):
        assert script("augment", *SMOKE, *arguments) == 2
        out, error = capsys.readouterr()
        assert not out and words in error and error.count("\n") == 1
    assert not (tmp_path / "a.png").exists()
