"""Runs that share photographs decode them once, and memory holds no more than one run needs."""

import functools
import weakref
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from flowers_jax.data import loader, memory, shared
from flowers_jax.data.decoded_file import DecodedFile
from flowers_jax.data.loader import SplitArrays
from flowers_jax.data.sources.folder import load_folder
from flowers_jax.data.split import assign
from flowers_jax.errors import UsageError
from flowers_jax.preprocessing import Preprocessing

SMALL, LARGE = Preprocessing(8), Preprocessing(16)
TRAIN = 48 * 8 * 8 * 3
"""Bytes of the training photographs in `SMALL`."""


@pytest.fixture
def decoded(monkeypatch) -> list[tuple[int, ...]]:
    """The shapes of what is decoded."""
    shapes, fill = [], loader._fill
    monkeypatch.setattr(loader, "_fill", lambda *given: shapes.append(given[0].shape) or fill(*given))
    return shapes


@pytest.fixture
def decode(folder) -> Callable[..., SplitArrays]:
    data = load_folder(str(folder))
    data = replace(data, examples=tuple(assign(data.examples, (0.8, 0.1, 0.1), 0)))
    return functools.partial(shared.decode_split, data, max_pixels=10**6, cache="memory", workers=0)


def test_the_same_photographs_are_decoded_once(decode, decoded):
    alone = decode("train", SMALL)
    with shared.sharing():
        first, again = decode("train", SMALL), decode("train", replace(SMALL, mean=(0.0, 0.0, 0.0)))
        assert again.images is first.images
        np.testing.assert_array_equal(first.images, alone.images)
        np.testing.assert_array_equal(again.labels, alone.labels)
        with pytest.raises(ValueError, match="read-only"):  # another run reads them too
            first.images[:] = 0
        other = decode("train", replace(SMALL, crop=0.5))
        assert not np.array_equal(other.images, first.images)
    decode("train", SMALL)
    assert len(decoded) == 4


def test_other_labels_are_not_shared(decode):
    data = decode.args[0]
    turned = replace(data, examples=tuple(replace(one, label=2 - one.label) for one in data.examples))
    with shared.sharing():
        first, other = decode("test", SMALL), shared.decode_split(turned, "test", SMALL, **decode.keywords)
    assert other.images is first.images
    np.testing.assert_array_equal(other.labels, 2 - first.labels)


def test_what_no_run_uses_is_freed_before_others_are_decoded(decode):
    """A first run uses two parts and ends; the next uses larger photographs."""
    with shared.sharing():
        used = [decode(part, SMALL).images for part in ("train", "test")]
        gone = [weakref.ref(images) for images in used]
        assert shared.kept_size() == sum(images.nbytes for images in used)
        used.clear()
        assert all(ref() is not None for ref in gone)  # for the next run
        larger = decode("test", LARGE)
        assert all(ref() is None for ref in gone)
        assert shared.kept_size() == larger.images.nbytes
    kept = weakref.ref(larger.images)
    del larger
    assert kept() is None and shared.kept_size() == 0


def test_an_exception_frees_them(decode):
    with pytest.raises(RuntimeError), shared.sharing():
        kept = weakref.ref(decode("test", SMALL).images)
        raise RuntimeError
    assert kept() is None


def test_the_memory_of_the_next_run_includes_what_is_kept(decode, monkeypatch):
    """They are the photographs of that run, or are freed before it decodes its own."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=100))
    with shared.sharing():
        decode("train", SMALL)
        memory.check(TRAIN + 100, "--flag", "less")
        with pytest.raises(UsageError):
            memory.check(TRAIN + 101, "--flag", "less")
    with pytest.raises(UsageError):
        memory.check(TRAIN, "--flag", "less")


def test_photographs_on_the_disk_are_not_held(decode):
    with shared.sharing():
        part = decode("test", SMALL, cache="disk")
        assert shared.kept_size() == 0 and len(part.labels) == 6 and isinstance(part.images, DecodedFile)
