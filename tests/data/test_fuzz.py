"""Damaged images come out of the decoder as pixels or as a reason: no crash, no hang, no memory beyond the limit."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.data import fuzz


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of address space")
@pytest.mark.parametrize("count", [300, pytest.param(5000, marks=pytest.mark.slow)])
def test_fuzz(count):
    command = [sys.executable, "-m", "tests.data.fuzz", "0", str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60 + count * fuzz.MOST_SECONDS)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"image {lines[-1:]}, status {done.returncode}: {done.stderr[-2000:]}"
    figures = json.loads(lines[-1])
    assert figures["decoded"] + figures["refused"] == count
    assert figures["decoded"] > count / 10 and figures["refused"] > count / 10
    assert figures["peak"] < 100 * 2**20


def test_every_number_is_another_image_and_always_the_same():
    images, again = fuzz.sound_images(), fuzz.sound_images()
    some = [fuzz.mutant(images, number) for number in range(200)]
    assert some == [fuzz.mutant(again, number) for number in range(200)]
    assert len(set(some)) > 190 and not set(some) & set(images)
