"""The run directory: refusals before anything is written, and files that are whole or not there."""

import os

import pytest

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.errors import UsageError
from flowers_jax.run.directory import RunDirectory


@pytest.fixture
def config():
    return Config()


def test_a_check_leaves_no_trace(tmp_path, config):
    run = RunDirectory(tmp_path / "a" / "b" / "c")
    assert run.check(config) is False
    run.check_writable()
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be(tmp_path, config):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="is a file"):
        RunDirectory(tmp_path / "file").check(config)
    with pytest.raises(UsageError, match="cannot be written"):
        RunDirectory(tmp_path / "file" / "below").check_writable()
    with pytest.raises(UsageError, match="cannot be written"):
        RunDirectory("/proc/flowers/run").check_writable()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(UsageError, match=r"holds no run \(no config.json\)"):
        RunDirectory(tmp_path / "full").check(config)
    assert os.listdir(tmp_path / "full") == ["thesis.tex"]


@pytest.mark.parametrize(
    ("content", "words"), [("[]", "no JSON object"), ("{", "damaged"), ('{"architectures": 1}', "by this version")]
)
def test_a_config_of_something_else(tmp_path, config, content, words):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UsageError, match=words):
        RunDirectory(tmp_path).check(config)


def test_an_empty_folder_will_do(tmp_path, config):
    assert RunDirectory(tmp_path).check(config) is False


def test_config_comes_back(tmp_path, config):
    config = config_lib.replace(config, {"data.split": (0.5, 0.25, 0.25), "plateau.factor": 0.1})
    run = RunDirectory(tmp_path)
    run.write_config(config)
    assert run.read_config() == config
    assert run.check(config) is False  # stopped before it had begun
    run.write_model({})
    run.write_splits([], ())
    assert run.check(config) is True


def test_splits_survive_any_file_name(tmp_path):
    names = ["plain.jpg", 'quo"te,comma.jpg', "line\nbreak.jpg", "carriage\rreturn.jpg", "naïve 花.jpg"]
    names.append(os.fsdecode(b"not utf8 \xff.jpg"))
    examples = [Example(f"a/{name}", i % 2, f"{i:064}", "train") for i, name in enumerate(names)]
    run = RunDirectory(tmp_path)
    run.write_splits(examples, ("odd, one", "even"))
    assert [row["path"] for row in run.read_splits().values()] == [e.path for e in examples]
    unsplit = tuple(Example(e.path, 1 - e.label, e.sha256) for e in reversed(examples))
    scanned = Dataset("d", "", ("even", "odd, one"), unsplit, lambda _: b"")
    applied = run.apply_splits(scanned, ("odd, one", "even"))
    assert list(applied.examples) == examples and applied.classes == ("odd, one", "even")


def test_a_failed_write_keeps_the_old_file(tmp_path):
    run = RunDirectory(tmp_path)
    run.write_summary({"seed": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write_summary({"seed": float("nan")})
    assert run.read_summary() == {"seed": 1}
    assert sorted(os.listdir(tmp_path)) == ["manifest.json", "summary.json"]


def test_what_is_no_run_is_said(tmp_path):
    with pytest.raises(UsageError, match=r"no run directory \(no model\.json in it\)"):
        RunDirectory.existing(tmp_path)


def test_permission_that_is_lost_is_one_error(tmp_path, monkeypatch):
    run = RunDirectory(tmp_path)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    for name in ("unlink", "rmdir", "fsync"):
        monkeypatch.setattr(os, name, refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        run.write_summary({"seed": 1})
