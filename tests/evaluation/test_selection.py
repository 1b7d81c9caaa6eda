"""Which files paths select."""

import io
import os
import sys

import pytest

from flowers_jax.errors import UsageError
from flowers_jax.evaluation.selection import select
from tests.conftest import png
from tests.data.pictures import scene


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """The folder `photos` in the working directory, with photographs at three depths and what is none."""
    root = tmp_path / "photos"
    (root / "below" / "deep").mkdir(parents=True)
    photograph = png(scene(0).resize((8, 8)))
    for name in ("b.png", "a.JPG", "[1].png", "no suffix", "below/c.webp", "below/deep/d.png", ".hidden.png"):
        (root / name).write_bytes(photograph)
    for name in ("notes.txt", "list.json", ".DS_Store", "below/damaged.jpg"):
        (root / name).write_text("no photograph")
    monkeypatch.chdir(tmp_path)
    return root


def listed(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_a_folder_has_its_photographs_by_suffix_or_content_and_says_what_it_ignores(photos):
    os.mkfifo(photos / "pipe")
    found = select(["photos"])
    assert found.paths == ["photos/[1].png", "photos/a.JPG", "photos/b.png", "photos/no suffix"]
    assert found.ignored == 5 and found.folders == ["photos"] and found.unread == []


def test_recursive_reads_below_and_what_should_be_a_photograph_is_not_ignored(photos):
    (photos / ".cache").mkdir()
    (photos / ".cache" / "x.png").touch()
    found = select(["photos"], recursive=True)
    assert found.paths[4:] == ["photos/below/c.webp", "photos/below/damaged.jpg", "photos/below/deep/d.png"]
    assert found.ignored == 4


def test_a_file_is_selected_once_under_its_first_name(photos, tmp_path):
    (tmp_path / "link").symlink_to("photos")
    again = ["photos/b.png", "./photos/b.png", str(photos / "b.png"), "link/b.png", "photos/below/../b.png", "**/b.p*"]
    assert select(again).paths == ["photos/b.png"]
    assert select(["link", "photos"]).paths == [f"link/{name}" for name in ("[1].png", "a.JPG", "b.png", "no suffix")]


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [
        ("photos/*.png", ["photos/[1].png", "photos/b.png"]),
        ("photos/?.png", ["photos/b.png"]),
        ("photos/[ab].*", ["photos/a.JPG", "photos/b.png"]),
        ("photos/[1].png", ["photos/[1].png"]),
        ("photos/**/*.png", ["photos/[1].png", "photos/b.png", "photos/below/deep/d.png"]),
        ("photos/b*", ["photos/b.png", "photos/below/c.webp", "photos/below/damaged.jpg"]),
        ("photos/.h*", ["photos/.hidden.png"]),
        ("**/d.png", ["photos/below/deep/d.png"]),
    ],
)
def test_a_pattern_that_the_shell_left_alone(photos, pattern, paths):
    assert select([pattern]).paths == paths
    absolute = str(photos.parent / pattern)
    assert select([absolute]).paths == [str(photos.parent / path) for path in paths]


def test_links_that_lead_in_circles_end(photos):
    for number in range(2):
        (photos / "below" / f"up{number}").symlink_to("..")
        (photos / "below" / f"self{number}").symlink_to(f"self{number}")
    below = ["photos/below/c.webp", "photos/below/damaged.jpg", "photos/below/deep/d.png"]
    assert select(["photos"], recursive=True).paths[4:] == below
    assert select(["photos/**/d.png"]).paths == ["photos/below/deep/d.png"]


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("data", "paths"),
    [
        (b"photos/b.png\nphotos/none.jpg\n", ["photos/b.png", "photos/none.jpg"]),
        (b"photos/b.png\r\n\r\nphotos/a.JPG", ["photos/b.png", "photos/a.JPG"]),
        (b"two\nlines.jpg\0-rf\0", ["two\nlines.jpg", "-rf"]),
        (b"caf\xe9.jpg\n", [os.fsdecode(b"caf\xe9.jpg")]),
        (b"photos/*.png\n", ["photos/*.png"]),
        (b"photos/below\n", ["photos/below/c.webp", "photos/below/damaged.jpg"]),
    ],
)
def test_a_list_on_standard_input_is_taken_as_it_is(monkeypatch, data, paths):
    listed(monkeypatch, data)
    assert select(["-"]).paths == paths


def test_what_selects_nothing_is_a_mistake(photos, monkeypatch):
    (photos / "text").mkdir()
    (photos / "text" / "notes.txt").write_text("x")
    (photos / "only folders" / "one").mkdir(parents=True)
    listed(monkeypatch, b"\n")
    for path, words in (
        ("-", "-: standard input is empty; it lists photographs, one path a line"),
        ("photos/x*", "photos/x*: no photograph has such a path"),
        ("photos/text", "photos/text: no photographs in this folder"),
        ("photos/t*t", "photos/t*t: no photograph has such a path"),
        ("photos/only folders", "photos/only folders: no photographs in this folder, but 1 folders; --recursive reads"),
    ):
        with pytest.raises(UsageError) as refused:
            select(["photos/b.png", path])
        assert str(refused.value).startswith(words)
