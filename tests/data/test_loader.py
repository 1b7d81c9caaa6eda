"""Batches: each example once, the same whatever the workers, from any point of any epoch."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from flowers_jax.data import loader, pipeline
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.data.split import assign
from flowers_jax.preprocessing import Preprocessing

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
        for batch, same in zip(batches, loader.batches(other, order, 16), strict=True):
            assert all(batch[name].tobytes() == same[name].tobytes() for name in ("image", "label", "mask"))
        np.testing.assert_array_equal(one.images, other.images[np.arange(48)])
        np.testing.assert_array_equal(one.labels, other.labels)


def test_the_same_batches_without_tensorflow(dataset, monkeypatch):
    def load() -> list[loader.Batch]:
        part = loader.decode_split(dataset, "train", P, max_pixels=10**6)
        return list(loader.batches(part, loader.epoch_order(48, 0, 1), 20, first=1))

    def absent() -> None:
        raise ModuleNotFoundError("No module named 'tensorflow'")

    by_tensorflow = load()
    monkeypatch.setattr(pipeline, "tensorflow", absent)
    for batch, same in zip(by_tensorflow, load(), strict=True):
        assert batch.keys() == same.keys()
        for name in batch:
            assert batch[name].dtype == same[name].dtype and batch[name].tobytes() == same[name].tobytes()


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
