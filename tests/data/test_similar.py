"""What looks alike: copies do, other pictures do not, and pictures of nothing look like nothing."""

import hashlib
import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from flowers_jax.data.checks import similar
from flowers_jax.data.decode import decode
from flowers_jax.data.sources import procedural
from flowers_jax.data.sources.folder import load_folder
from tests.conftest import png
from tests.data.pictures import scene


def grouped(pictures: list[np.ndarray]) -> list[int]:
    """For each picture the first one of its group."""
    contents = [hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(len(pictures))]
    group_of = similar.groups({c: similar.fingerprint(p) for c, p in zip(contents, pictures, strict=True)})
    assert all(group == min(c for c in contents if group_of[c] == group) for group in group_of.values())
    return [next(i for i, c in enumerate(contents) if group_of[c] == group_of[own]) for own in contents]


def test_copies_are_together_and_other_pictures_apart():
    one = scene(0)
    copies = [
        one,
        Image.open(io.BytesIO(png(one, "JPEG", quality=50))),
        Image.open(io.BytesIO(png(one, "WEBP", quality=60))),
        one.resize((160, 120), Image.Resampling.BILINEAR),
        one.resize((1280, 960), Image.Resampling.BICUBIC),
        ImageEnhance.Brightness(one).enhance(1.1),
        one.convert("L").convert("RGB"),
    ]
    others = [scene(number) for number in range(1, 30)]
    assert grouped([np.asarray(picture) for picture in [*copies, *others]]) == [0] * 7 + list(range(7, 36))


def test_what_looks_like_a_third_looks_alike():
    rng = np.random.default_rng(0)
    bits = rng.permutation(np.repeat([0, 1], similar.BITS // 2))
    chain = []
    for step in range(0, similar.MOST_DIFFERING * 3, similar.MOST_DIFFERING):
        bits[step : step + similar.MOST_DIFFERING] ^= 1
        chain.append(np.packbits(bits).tobytes().hex())
    bits[100 : 100 + similar.MOST_DIFFERING + 1] ^= 1
    names = ["d", "c", "b", "a"]
    found = similar.groups(dict(zip(names, [*chain, np.packbits(bits).tobytes().hex()], strict=True)))
    assert found == {"d": "b", "c": "b", "b": "b", "a": "a"}


def test_groups_are_those_of_every_pair_compared(monkeypatch):
    """Against plain comparison, over several blocks."""
    monkeypatch.setattr(similar, "_BLOCK", 7)
    rng = np.random.default_rng(1)
    seeds = [rng.permutation(np.repeat([0, 1], 128)) for _ in range(12)]
    codes = [seeds[rng.integers(12)].copy() for _ in range(60)]
    for code in codes:
        code[rng.choice(256, rng.integers(0, 22), replace=False)] ^= 1
    contents = [f"{number:03}" for number in rng.permutation(60)]
    found = similar.groups({c: np.packbits(code).tobytes().hex() for c, code in zip(contents, codes, strict=True)})
    expected = {content: content for content in contents}
    for _ in range(60):
        for (a, one), (b, other) in itertools.combinations(zip(contents, codes, strict=True), 2):
            if (one != other).sum() <= similar.MOST_DIFFERING:
                expected[a] = expected[b] = min(expected[a], expected[b])
    assert found == expected and 1 < len(set(found.values())) < 60


def flat(value: int, *size: int) -> np.ndarray:
    return np.full((*size, 3), value, np.uint8)


def line(seed: int, *size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def grey(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint8)[..., None].repeat(3, 2)


@pytest.mark.parametrize(
    "pictures",
    [
        [flat(0, 1, 1), flat(77, 1, 1), flat(255, 1, 1)],
        [flat(value, 30, 40) for value in (0, 128, 255)],
        [line(seed, 1, 500) for seed in range(6)],
        [line(seed, 500, 1) for seed in range(6)],
        [grey(np.tile(np.linspace(0, top, 64), (64, 1))) for top in (99, 255)],
        [grey(np.tile(np.arange(64) // width % 2 * 255, (64, 1))) for width in (5, 9)],
    ],
    ids=["pixel", "one colour", "row", "column", "gradient", "stripes"],
)
def test_pictures_of_nothing_are_alike_to_none(pictures):
    assert grouped(pictures) == list(range(len(pictures)))


def test_drawn_flowers_are_all_different():
    drawn = [decode(procedural.draw(name, number)) for name in procedural.PETALS for number in range(60)]
    assert grouped(drawn) == list(range(180))


def test_none():
    assert similar.groups({}) == {}


def test_photographs_of_one_scene_may_be_told_apart(tmp_path, draw):
    for number, name in enumerate(("a", "a", "b", "b")):
        (tmp_path / name).mkdir(exist_ok=True)
        image = draw(1, (64, 64))
        image.putpixel((number, 0), (255, 0, 0))
        (tmp_path / name / f"{number}.png").write_bytes(png(image))
    assert len({example.alike for example in load_folder(str(tmp_path)).examples}) == 1
    apart = load_folder(str(tmp_path), group_similar=False).examples
    assert [example.alike for example in apart] == [""] * 4
