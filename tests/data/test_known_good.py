"""Contents that decoded once are not decoded again to be checked."""

from flowers_jax.config_types import Config, Data
from flowers_jax.data import sources
from flowers_jax.data.checks import collect, known_good
from flowers_jax.data.checks.known_good import Known
from flowers_jax.storage import fetch

SEEN = {"a" * 64: Known(7, "b" * 64, "d" * 64)}


def test_a_second_look_decodes_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    config = Config(data=Data(dir=str(folder)))
    first = sources.load(config)
    assert len(known_good.load()) == len({example.sha256 for example in first.examples})

    def refuse(*_, **__):
        raise AssertionError("decoded again")

    monkeypatch.setattr(collect, "decode", refuse)
    assert sources.load(config).examples == first.examples


def test_damaged_lines_are_left_out_and_a_folder_that_cannot_be_written_is_no_matter(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    known_good.add(SEEN)
    (file,) = fetch.cache_dir().glob("decoded-*")
    end = f"{'b' * 64} {'d' * 64}"
    damaged = (f"short 3 {end}", f"{'c' * 64} x {end}", f"{'c' * 64} 3 {'b' * 64}", f"{'c' * 64} 3 {'x' * 64}", "\0")
    file.write_text(file.read_text() + "\n".join(damaged))
    assert known_good.load() == SEEN
    file.write_bytes(b"\xff\xfe")
    assert known_good.load() == {}
    file.unlink()
    fetch.cache_dir().rmdir()
    fetch.cache_dir().write_text("a file stands here")
    known_good.add(SEEN)
    assert known_good.load() == {}
