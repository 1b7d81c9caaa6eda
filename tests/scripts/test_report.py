"""scripts/report.py: what it writes, and the mistakes that it refuses before it writes."""

import errno
import shutil

import pytest

from flowers_jax.storage import atomic
from tests.conftest import drawn_flowers
from tests.report.runs import Page, barely_trained
from tests.scripts.commands import script, tree


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    where = tmp_path_factory.mktemp("report")
    drawn_flowers(where / "flowers")
    return barely_trained(where / "run", None, data__dir=str(where / "flowers"))


def test_the_page_of_a_run_and_of_new_photographs(run, tmp_path, capsys):
    assert script("report", f"--run={run}") == 0
    assert capsys.readouterr().out == f"wrote {run / 'report.html'}\n"
    assert "The test part of the run" in Page(run / "report.html").text
    new = drawn_flowers(tmp_path / "more flowers")
    (new / "eight_petals" / "broken.png").write_bytes(b"no picture")
    assert script("report", f"--run={run}", f"--data={new}") == 0
    written = run / "report-more-flowers.html"
    assert capsys.readouterr().out == f"wrote {written}\n"
    page = Page(written)
    assert "New photographs" in page.text and "of 60 photographs" in page.text and len(page.of("Photograph ")) > 0
    assert "The model was trained on 30 of these 60 photographs" in page.text
    assert "Skipped files: 1; the first: eight_petals/broken.png" in page.text
    assert script("report", f"--run={run}", f"--out={tmp_path / 'mine.html'}") == 0
    assert (tmp_path / "mine.html").is_file()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--run={tmp}/none"], "no run directory"),
        (["--run={unfinished}"], "the run is not finished"),
        (["--run={run}", "--data={tmp}/none"], "--data={tmp}/none: "),
        (["--run={run}", "--data={tmp}/empty"], "--data={tmp}/empty: "),
        (["--run={run}", "--out={tmp}/empty"], "--out={tmp}/empty: is a folder"),
        (["--run={run}", "--out={tmp}/none/a.html"], "there is no folder {tmp}/none"),
        (["--run={run}", "--code=a:B"], "leave --code out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_writes_nothing(run, tmp_path, capsys, flags, words):
    (tmp_path / "empty").mkdir()
    unfinished = tmp_path / "unfinished"
    shutil.copytree(run, unfinished)
    manifest = (unfinished / "manifest.json").read_text().replace("summary.json", "other.json")
    (unfinished / "manifest.json").write_text(manifest)
    places = {"tmp": tmp_path, "run": run, "unfinished": unfinished}
    before = tree(tmp_path) | tree(run)
    assert script("report", *(flag.format(**places) for flag in flags)) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and words.format(**places) in err
    assert tree(tmp_path) | tree(run) == before


def test_a_full_disk_leaves_the_old_page(run, monkeypatch, capsys):
    (run / "report.html").write_text("the old page")
    before = tree(run)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "sync_and_rename", full)
    assert script("report", f"--run={run}") == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "No space left on device" in err
    assert tree(run) == before and (run / "report.html").read_text() == "the old page"
