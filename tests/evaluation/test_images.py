"""Photographs are decoded ahead of the model, and not far ahead."""

import threading
import time

import numpy as np
import pytest

from flowers_jax.evaluation import images
from flowers_jax.preprocessing import Preprocessing

BATCH, COUNT = 16, 2000


@pytest.fixture
def begun(monkeypatch):
    """The numbers of the images whose decoding has begun; the decoder takes no time."""
    numbers = []

    def read(number, image, **_):
        numbers.append(number)
        return image

    monkeypatch.setattr(images, "_read", read)
    return numbers


def batches(count=COUNT):
    small = np.zeros((1, 1, 3), np.uint8)
    return images.read_in_batches([small] * count, Preprocessing(1), 1, BATCH)


def test_the_next_batches_are_decoded_while_one_is_used_and_no_others(begun):
    most = 0
    for used, batch in enumerate(batches()):
        assert len(batch) == BATCH
        wanted = min(COUNT, (used + 1 + images.AHEAD) * BATCH)
        deadline = time.monotonic() + 10
        while len(begun) < wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        most = max(most, len(begun) - used * BATCH)
    assert most == (1 + images.AHEAD) * BATCH and sorted(begun) == list(range(COUNT))


def test_the_threads_end_when_the_caller_stops(begun):
    before = threading.active_count()
    for batch in (reading := batches()):
        assert len(batch) == BATCH
        break
    reading.close()
    assert threading.active_count() == before and len(begun) <= (1 + images.AHEAD) * BATCH


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 40])
def test_every_image_comes_once_and_in_order(begun, count):
    assert sum(map(len, batches(count))) == count == len(begun)
