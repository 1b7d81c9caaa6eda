"""Batches: each example once, the same whatever the workers, from any point of any epoch."""

import errno
import gc
import os
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flowers_jax.data import loader
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.data.split import assign
from flowers_jax.errors import DamageWarning, TrainingError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.storage import fetch

P = Preprocessing(28)


@pytest.fixture
def dataset(folder):
    data = load_folder(str(folder))
    return replace(data, examples=tuple(assign(data.examples, (0.8, 0.1, 0.1), 0)))


def test_the_same_bytes_whatever_the_workers_and_the_cache(dataset):
    one = loader.decode_split(dataset, "train", P, max_pixels=10**6, workers=1)
    assert one.images.shape == (48, 28, 28, 3) and one.labels.dtype == np.int32
    order = loader.epoch_order(48, 0, 1)
    batches = list(loader.batches(one, order, 16))
    for options in ({"workers": 4}, {"workers": 7}, {"cache": "disk"}, {"cache": "disk", "workers": 3}):
        other = loader.decode_split(dataset, "train", P, max_pixels=10**6, **options)
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.labels, other.labels)
        for batch, same in zip(batches, loader.batches(other, order, 16), strict=True):
            assert all(batch[name].tobytes() == same[name].tobytes() for name in ("image", "label", "mask"))
    assert len(list((fetch.cache_dir() / "decoded").glob("*.npy"))) == 1


def test_disk_cache_is_read_without_the_photographs(dataset, folder):
    first = loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk")
    for path in folder.rglob("*.png"):
        path.unlink()
    again = loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk")
    np.testing.assert_array_equal(first.images, again.images)
    with pytest.raises(TrainingError, match=r"6 photograph.*eight_petals/"):
        loader.decode_split(dataset, "test", P, max_pixels=10**6)


def inverted(whole: bytes) -> bytes:
    """Every pixel, and NumPy's header as it was: a file that looks sound."""
    return whole[:128] + bytes(255 - byte for byte in whole[128:])


@pytest.mark.parametrize("damage", [inverted, lambda whole: whole[:-1], lambda _: b""])
def test_disk_cache_that_is_damaged_is_not_used(dataset, monkeypatch, tmp_path, damage):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    first = loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk").images.copy()
    (file,) = (fetch.cache_dir() / "decoded").glob("*.npy")
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    with pytest.warns(DamageWarning, match=r"^/.*\.npy is not as it was written, so its photographs are decoded anew$"):
        again = loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk")
    np.testing.assert_array_equal(first, again.images)
    assert file.read_bytes() == whole
    loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk")  # and says nothing more


def test_disk_cache_without_its_sum_is_not_used(dataset, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk")
    (sums,) = (fetch.cache_dir() / "decoded").glob("*.sha256")
    for damage in (sums.unlink, lambda: sums.write_bytes(b"\xff")):
        damage()
        with pytest.warns(DamageWarning, match="decoded anew"):
            loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk")


def test_a_full_disk_is_said_before_anything_is_decoded(dataset, monkeypatch, tmp_path):
    """A mapped file that outgrows its disk would end the process by a signal."""

    def full(_: int, offset: int, size: int) -> None:
        assert (offset, size) == (0, 6 * 28 * 28 * 3 + 128)  # and NumPy's header
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    monkeypatch.setattr(loader, "_fill", None)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"No space left on device: .*decoded"):
        loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk")
    assert list((fetch.cache_dir() / "decoded").iterdir()) == []


def test_the_file_has_its_space_from_the_start(dataset, monkeypatch, tmp_path):
    def look(mapped: np.memmap, *_: object) -> None:
        status = Path(mapped.filename).stat()
        assert status.st_blocks * 512 >= status.st_size > 48 * 28 * 28 * 3

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    monkeypatch.setattr(loader, "_fill", look)
    loader.decode_split(dataset, "train", P, max_pixels=10**6, cache="disk")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_a_file_system_that_cannot_reserve_is_used_all_the_same(dataset, monkeypatch, tmp_path, number):
    def cannot(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))
    monkeypatch.setattr(os, "posix_fallocate", cannot)
    assert len(loader.decode_split(dataset, "test", P, max_pixels=10**6, cache="disk").labels) == 6


def numbered(count: int) -> loader.SplitArrays:
    labels = np.arange(count, dtype=np.int32)
    return loader.SplitArrays(np.tile(labels.astype(np.uint8)[:, None, None, None], (1, 2, 2, 3)), labels)


@pytest.mark.parametrize(("count", "batch_size"), [(10, 4), (8, 4), (3, 4), (1, 8), (5, 16)])
def test_every_example_counts_once_and_padding_is_real_photographs(count, batch_size):
    part = numbered(count)
    order = loader.epoch_order(count, 0, 0)
    got = list(loader.batches(part, order, batch_size))
    assert len(got) == -(-count // batch_size)
    counted = np.concatenate([batch["label"][batch["mask"]] for batch in got])
    np.testing.assert_array_equal(counted, order)
    for batch in got:
        assert batch["image"].shape == (batch_size, 2, 2, 3) and batch["image"].dtype == np.uint8
        np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], batch["label"])
        assert (batch["label"] < count).all()


def test_an_epoch_goes_on_from_any_batch():
    part, order = numbered(50), loader.epoch_order(50, 3, 2)
    whole = list(loader.batches(part, order, 8))
    rest = list(loader.batches(part, order, 8, first=4))
    assert len(rest) == 3
    for one, other in zip(whole[4:], rest, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
    assert list(loader.batches(part, order, 8, first=7)) == []


def test_shuffle_is_a_function_of_seed_and_epoch():
    orders = {(seed, epoch): tuple(loader.epoch_order(100, seed, epoch)) for seed in range(3) for epoch in range(3)}
    assert len(set(orders.values())) == 9
    assert orders[1, 2] == tuple(loader.epoch_order(100, 1, 2))
    assert sorted(orders[0, 0]) == list(range(100))


def test_decoded_photographs_are_let_go():
    """Cross-validation decodes every photograph again in each fold."""
    images = np.zeros((8, 4, 4, 3), np.uint8)
    gone = weakref.ref(images)
    part = loader.SplitArrays(images, np.zeros(8, np.int32))
    assert len(list(loader.batches(part, np.arange(8), 4))) == 2
    early = loader.batches(part, np.arange(8), 4)
    next(early)
    early.close()
    del images, part, early
    gc.collect()
    assert gone() is None
