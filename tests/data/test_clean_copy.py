"""Names of a clean copy, and files that change meanwhile; `check.py` and `split.py` test the rest."""

import pytest

from flowers_jax.data.checks import clean_copy
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.errors import TrainingError
from tests.conftest import png
from tests.data.pictures import scene


@pytest.mark.parametrize(
    ("name", "kind", "right"),
    [
        ("a.jpeg", "JPEG", "a.jpeg"),
        ("a.JPE", "JPEG", "a.JPE"),
        ("a.tiff", "TIFF", "a.tiff"),
        ("a.dib", "BMP", "a.dib"),
        ("a.HEIC", "JPEG", "a.jpg"),
        ("a.b.jpg", "PNG", "a.b.png"),
        ("a", "WEBP", "a.webp"),
        ("trip.2024", "JPEG", "trip.2024.jpg"),
        ("St. Moritz", "GIF", "St. Moritz.gif"),
        ("a.", "JPEG", "a..jpg"),
    ],
)
def test_the_suffix_is_that_of_the_content(tmp_path, name, kind, right):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / name).write_bytes(png(scene(1), kind))
    assert clean_copy.right_names(load_folder(str(tmp_path))) == {f"class/{name}": f"class/{right}"}


def test_a_name_that_is_taken_by_a_folder(tmp_path):
    (tmp_path / "class" / "a.png").mkdir(parents=True)
    (tmp_path / "class" / "a.png" / "b.png").write_bytes(png(scene(1)))
    (tmp_path / "class" / "a.jpg").write_bytes(png(scene(2)))
    assert clean_copy.right_names(load_folder(str(tmp_path))) == {
        "class/a.jpg": "class/a-2.png",
        "class/a.png/b.png": "class/a.png/b.png",
    }


@pytest.mark.parametrize("change", ["text", "gone"])
def test_a_file_that_changed(tmp_path, change):
    (tmp_path / "class").mkdir()
    path = tmp_path / "class" / "a.png"
    path.write_bytes(png(scene(1)))
    data = load_folder(str(tmp_path))
    path.unlink()
    if change == "text":
        path.write_text("x")
    with pytest.raises(TrainingError, match=r"^class/a\.png changed since it was checked: "):
        clean_copy.right_names(data)
