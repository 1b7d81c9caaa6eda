"""Decoded photographs in a file: each once, the same as in memory, and none that is damaged."""

import errno
import functools
import os
from dataclasses import replace

import numpy as np
import pytest

from flowers_jax.data import decoded_file, loader
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.data.split import assign, assign_fold
from flowers_jax.errors import DamageWarning, TrainingError
from flowers_jax.preprocessing import Preprocessing

P = Preprocessing(28)
SIZE = 28 * 28 * 3
EVERY = np.arange(6)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))


@pytest.fixture
def dataset(folder):
    data = load_folder(str(folder))
    return replace(data, examples=tuple(assign(data.examples, (0.8, 0.1, 0.1), 0)))


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The paths that were decoded."""
    paths, decode = [], loader._decoded
    monkeypatch.setattr(loader, "_decoded", lambda *given: paths.append(given[-1].path) or decode(*given))
    return paths


on_disk = functools.partial(loader.decode_split, max_pixels=10**6, cache="disk")


def in_memory(dataset, part):
    return loader.decode_split(dataset, part, P, max_pixels=10**6).images


def files():
    return sorted(decoded_file.folder().iterdir())


def test_a_photograph_is_decoded_when_it_is_first_used(dataset, decoded):
    part = on_disk(dataset, "train", P)
    batches = loader.batches(part, loader.epoch_order(48, 0, 1), 4)
    first = next(batches)["image"]
    batches.close()
    assert 4 <= len(decoded) <= 4 * 5 < 48 and part.images.missing == 48 - len(decoded)
    again = on_disk(dataset, "train", P)
    assert again.images.missing == part.images.missing
    order = loader.epoch_order(48, 0, 1)
    np.testing.assert_array_equal(in_memory(dataset, "train")[order[:4]], first)
    np.testing.assert_array_equal(in_memory(dataset, "train"), again.images[np.arange(48)])
    assert sorted(decoded) == sorted(example.path for example in dataset.examples if example.split == "train")
    assert again.images.missing == 0


def test_the_file_is_read_without_the_photographs_and_shared_by_every_division(dataset, folder, decoded):
    wanted = in_memory(dataset, "test")
    for part, count in (("train", 48), ("validation", 6), ("test", 6)):
        on_disk(dataset, part, P).images[np.arange(count)]
    for path in folder.rglob("*.png"):
        path.unlink()
    np.testing.assert_array_equal(wanted, on_disk(dataset, "test", P).images[EVERY])
    undivided = [replace(example, split="") for example in dataset.examples]
    fold = replace(dataset, examples=tuple(assign_fold(undivided, 4, 2, (0.8, 0.1, 0.1), 5)))
    assert on_disk(fold, "test", P).images[np.arange(15)].shape == (15, 28, 28, 3)
    assert len(decoded) == 60 and len(files()) == 2


def test_a_photograph_that_is_gone_is_named(dataset, folder):
    part = on_disk(dataset, "test", P)
    for path in folder.rglob("*.png"):
        path.unlink()
    with pytest.raises(
        TrainingError, match=r"^a photograph changed since it was checked: \w+/\d+\.png: .*No such file"
    ):
        list(loader.in_order(part, 4))


def inverted(whole: bytes) -> bytes:
    return bytes(255 - byte for byte in whole)


def one_bit(whole: bytes) -> bytes:
    """One bit of one test photograph; most places belong to photographs of the other parts."""
    place = next(place for place in range(0, len(whole), SIZE) if any(whole[place : place + SIZE]))
    return whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]


@pytest.mark.parametrize(
    ("damage", "changed"),
    [(one_bit, 1), (inverted, 6), (lambda whole: whole[: len(whole) // 9], None), (lambda _: b"", 6)],
)
def test_what_is_damaged_is_decoded_again_and_nothing_else(dataset, decoded, damage, changed):
    first = on_disk(dataset, "test", P).images[EVERY]
    pixels, _ = files()
    pixels.write_bytes(damage(pixels.read_bytes()))
    decoded.clear()
    again = on_disk(dataset, "test", P).images
    with pytest.warns(DamageWarning, match=r"^/.*\.pixels is not as it was written, so the photographs that") as warned:
        np.testing.assert_array_equal(first, again[EVERY])
    assert len(warned) == 1
    assert len(decoded) == changed if changed else 1 <= len(decoded) <= 6
    np.testing.assert_array_equal(first, on_disk(dataset, "test", P).images[EVERY])  # and says nothing more


@pytest.mark.parametrize("damage", [lambda _: b"", lambda sums: bytes(len(sums))])
def test_without_its_sum_a_photograph_is_not_there(dataset, damage):
    """As after a kill between the two writes."""
    first = on_disk(dataset, "test", P).images[EVERY]
    _, sums = files()
    whole = sums.read_bytes()
    sums.write_bytes(damage(whole))
    np.testing.assert_array_equal(first, on_disk(dataset, "test", P).images[EVERY])
    assert sums.read_bytes() == whole


def test_a_full_disk_is_said_before_anything_is_decoded(dataset, monkeypatch):
    def full(_: int, offset: int, size: int) -> None:
        assert (offset, size) == (0, 60 * SIZE)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left on device: .*decoded"):
        on_disk(dataset, "test", P)
    assert files() == []


def test_the_file_has_its_space_from_the_start(dataset):
    on_disk(dataset, "test", P)
    pixels, _ = files()
    assert pixels.stat().st_blocks * 512 >= pixels.stat().st_size == 60 * SIZE


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_reserve_is_used_all_the_same(dataset, monkeypatch, number):
    def cannot(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", cannot)
    np.testing.assert_array_equal(in_memory(dataset, "test"), on_disk(dataset, "test", P).images[EVERY])
