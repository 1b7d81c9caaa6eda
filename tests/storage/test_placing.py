"""Files are written whole, under names that are free."""

import pytest

from flowers_jax.errors import UsageError
from flowers_jax.storage.placing import placing
from tests.scripts.commands import tree


def names(root):
    return {path.removeprefix(f"{root}/") for path in tree(root)}


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    out = tmp_path / "new" / "out"
    for _ in range(2):
        with placing(str(out), "--sort=out") as place:
            for text in "abc":
                place(lambda path, text=text: path.write_text(text), "roses", "1.jpg")
    assert names(out) == {"roses", *(f"roses/1{end}.jpg" for end in ("", "-2", "-3", "-4", "-5", "-6"))}
    assert [(out / "roses" / f"1{end}.jpg").read_text() for end in ("", "-2", "-4")] == ["a", "b", "a"]


@pytest.mark.parametrize("new", [True, False])
def test_what_is_not_written_whole_is_not_there(tmp_path, new):
    out = tmp_path / "here" / "out"
    (out.parent if new else out).mkdir(parents=True)

    def interrupted(path):
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), placing(str(out), "--sort=out") as place:
        place(interrupted, "roses", "1.jpg")
    assert tree(out.parent) == (set() if new else {str(out)})


def test_a_file_in_the_way_is_told_before_anything_is_written(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "roses").touch()
    before = tree(tmp_path)
    for folder, words in (
        ("file", "--sort=DIR: .*/file is a file; a folder is needed"),
        ("out", "--sort=DIR: .*/out/roses is a file; a folder is needed"),
        ("file/below", r"--sort=DIR: cannot be written \(Not a directory\)"),
    ):
        with pytest.raises(UsageError, match=f"^{words}$"), placing(str(tmp_path / folder), "--sort=DIR", ["roses"]):
            raise AssertionError
    assert tree(tmp_path) == before
