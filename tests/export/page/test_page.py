"""The page in Chromium: it says what `predict.py` says, refuses what it must, and asks and keeps nothing."""

import csv
import hashlib
import io
import json
import re
import shutil
import struct
import time
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image, ImageCms
from playwright.sync_api import expect

from flowers_jax.data.decode import decode_for
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.formats import csv_lines, ranked
from flowers_jax.export import EXPORTERS, Exported
from tests import browser
from tests.conftest import png
from tests.data.pictures import scene
from tests.export.conftest import lively
from tests.export.page.conftest import served, visited

pytestmark = [pytest.mark.wings, pytest.mark.network]  # npm brings the runtime
HOSTILE = "<img src=x onerror=alert(1)>"
PIXELS = """
async ([preprocessing, most]) => {
  const { read } = await import("/photograph.js");
  return [...await read(document.getElementById("probe").files[0], preprocessing, most)];
}
"""
GIVE = """
(type) => {
  const given = new DataTransfer();
  for (const file of document.getElementById("probe").files) given.items.add(file);
  const how = { bubbles: true, cancelable: true, clipboardData: given, dataTransfer: given };
  document.body.dispatchEvent(type === "paste" ? new ClipboardEvent(type, how) : new DragEvent(type, how));
}
"""
PROBE = """
document.body.append(Object.assign(document.createElement("input"), { type: "file", id: "probe", multiple: true }))
"""
"""An input that the page does not know, to bring files into it."""


@pytest.fixture(scope="module")
def exported(small) -> Exported:
    """As in use: it answers to photographs, with a temperature and a mirrored view."""
    variables = lively(small.model.variables)
    return Exported(replace(small.model, variables=variables, temperature=1.7, flip=True))


@pytest.fixture(scope="module")
def folder(exported, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.page"
    EXPORTERS["page"].write(exported, path)
    return path


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> list[Path]:
    """Four PNG and four JPEG of several shapes, the last to be turned by EXIF; then twelve more PNG."""
    where, turned = tmp_path_factory.mktemp("photographs"), Image.Exif()
    turned[0x0112] = 6
    paths = []
    for number in range(20):
        picture = scene(number).resize((60 + 30 * number, 90 + 20 * (number % 5)))
        kind, options = ("JPEG", {"quality": 90}) if 4 <= number < 8 else ("PNG", {})
        paths.append(where / f"{number}, a flower.{kind.lower()}")
        paths[-1].write_bytes(png(picture, kind, **options | ({"exif": turned} if number == 7 else {})))
    return paths


def answer(page, *files: Path, words: str = "") -> str:
    """Choose the files and wait for the answer; what the page says then."""
    page.set_input_files("#choose", list(map(str, files)))
    expect(page.locator("#status")).to_have_text(re.compile(words or r"%\.|classified|Refused"), timeout=30_000)
    return text(page, "#status")


def text(page, where: str) -> str:
    """As a person reads it: without spaces that keep words on one line."""
    return page.inner_text(where).replace("\u00a0", " ")


def downloaded(page) -> list[dict[str, str]]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download as CSV").click()
    assert waiting.value.suggested_filename == "predictions.csv"
    return list(csv.DictReader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"), newline="")))


@pytest.mark.parametrize("offline", [False, True])
def test_it_says_what_predict_says(chromium, folder, exported, photographs, offline):
    """Of twenty photographs in a table; again without a network once the page is there."""
    names = [path.name for path in photographs]
    rows = map(ranked, names, exported.model.predict(photographs), repeat(exported.model.classes), repeat(3))
    wanted = list(csv.DictReader("".join(csv_lines(rows, exported.model.classes, 3)).splitlines()))
    assert len({row["label"] for row in wanted}) > 1
    with visited(chromium, folder) as page:
        page.context.set_offline(offline)
        assert re.fullmatch(r"20 classified, in \d+\.\d s\.", answer(page, *photographs))
        assert page.locator("tbody tr").count() == page.locator("tbody canvas").count() == 20
        found = downloaded(page)
    for ours, row in zip(found, wanted, strict=True):
        assert list(ours) == list(row)
        for name, value in row.items():
            if name.startswith("probability"):
                tolerance = 1e-3 if row["path"].endswith("jpeg") else 1e-5
                assert float(ours[name]) == pytest.approx(float(value), abs=tolerance, rel=0), row["path"]
            else:
                assert ours[name] == value


def profile() -> bytes:
    """Of colours whose red is green: whoever applies it changes every pixel."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"...."), (b"gXYZ", b"rXYZ"), (b"....", b"gXYZ")):
        data = data.replace(old, new)
    return data


def test_its_pixels_are_those_of_the_decoder(chromium, folder, exported, tmp_path):
    """Lossless files of all kinds to the bit, alpha within a grey level; JPEG within three, turned by EXIF."""
    big, exif = scene(1).resize((310, 200)), Image.Exif()
    alpha = big.copy()
    alpha.putalpha(Image.linear_gradient("L").resize(big.size))
    pictures = {
        "colours": png(big),
        "tall": png(big.resize((70, 400))),
        "alpha": png(alpha),
        "palette": png(big.convert("P")),
        "grey": png(big.convert("L")),
        "profile": png(big, icc_profile=profile()),
        "webp": png(big, "WEBP", lossless=True),
        "gif": png(big.convert("P"), "GIF"),
    }
    for orientation in range(2, 9):
        exif[0x0112] = orientation
        pictures[f"turned {orientation}"] = png(big, "JPEG", quality=95, subsampling=0, exif=exif)
    preprocessing = exported.model.preprocessing
    with visited(chromium, folder) as page:
        page.evaluate(PROBE)
        for name, data in pictures.items():
            (tmp_path / name).write_bytes(data)
            page.set_input_files("#probe", str(tmp_path / name))
            found = page.evaluate(PIXELS, [vars(preprocessing), exported.model.max_pixels])
            wanted = decode_for(data, preprocessing).astype(int)
            tolerance = 3 if "turned" in name else 1 if name == "alpha" else 0
            assert np.abs(np.array(found).reshape(wanted.shape) - wanted).max() <= tolerance, name


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_photograph_is_pasted_or_dropped(chromium, folder, exported, photographs, way):
    (probabilities,) = exported.model.predict(photographs[:1])
    with visited(chromium, folder) as page:
        page.evaluate(PROBE)
        page.set_input_files("#probe", str(photographs[0]))
        page.evaluate(GIVE, way)
        label = exported.model.classes[probabilities.argmax()]
        said = f"{photographs[0].name}: {label}, {100 * probabilities.max():.1f} %."
        expect(page.locator("#status")).to_have_text(said, timeout=30_000)
        assert page.locator(".one h2").inner_text() == label
        assert page.locator(".one li .number").all_inner_texts() == [
            f"{100 * one:.1f}\u00a0%" for one in sorted(probabilities, reverse=True)
        ]


def test_what_is_no_photograph_is_refused_with_a_message(chromium, folder, photographs, tmp_path):
    """And what stands beside it in the table is classified; alone it has a message too."""
    whole = photographs[4].read_bytes()
    bomb = bytearray(photographs[0].read_bytes())
    bomb[16:24] = struct.pack(">II", 30_000, 30_000)
    damaged = bytearray(photographs[1].read_bytes())
    damaged[60:90] = bytes(30)
    wrong = {
        "text.jpg": (b"no photograph", "not a photograph: use JPEG, PNG, WebP or GIF"),
        "cut.jpg": (whole[: len(whole) // 2], "truncated: the end of the file is missing"),
        "bomb.png": (bytes(bomb), "30000x30000 is 900000000 pixels, more than 100000000"),
        "damaged.png": (bytes(damaged), "damaged, or too large for this browser"),
        "large.png": (bytes(50_000_001), "50.0 MB, more than 50 MB"),
    }
    for name, (data, _) in wrong.items():
        (tmp_path / name).write_bytes(data)
    with visited(chromium, folder) as page:
        files = [tmp_path / name for name in wrong]
        assert answer(page, *files, photographs[0]).startswith("1 classified, 5 refused, in ")
        assert page.locator("td .bad").all_inner_texts() == [words for _, words in wrong.values()]
        assert [row["path"] for row in downloaded(page)] == [photographs[0].name]
        assert answer(page, files[0]) == "Refused."
        assert page.inner_text("#results") == f"text.jpg: {wrong['text.jpg'][1]}"


def test_what_is_chosen_later_takes_the_place(chromium, folder, photographs):
    with visited(chromium, folder) as page:
        page.set_input_files("#choose", list(map(str, photographs)))
        assert answer(page, photographs[3], words="^3, a flower").startswith("3, a flower.png: ")
        page.wait_for_timeout(1000)
        assert page.locator("table").count() == 0 and page.locator(".one").count() == 1


@pytest.mark.parametrize("scheme", browser.SCHEMES)
@pytest.mark.parametrize("width", browser.WIDTHS)
def test_it_is_legible(chromium, folder, photographs, tmp_path, width, scheme):
    """On a phone and on a desk, light and dark: empty, with one photograph, with several, by keyboard."""
    (tmp_path / "text.jpg").write_text("no photograph")
    size = {"width": width, "height": browser.HEIGHT}
    with visited(chromium, folder, viewport=size, color_scheme=scheme, has_touch=width == 390) as page:
        assert page.locator(".camera").is_visible() == (width == 390)
        for files in ((), photographs[:1], (tmp_path / "text.jpg",), (*photographs[:3], tmp_path / "text.jpg")):
            if files:
                answer(page, *files)
            assert not (found := browser.findings(page)), "\n".join(found)
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.evaluate("document.activeElement.blur()")
        reached = []
        for _ in range(4):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent"))
        assert reached[0] == "choose" and "Download as CSV" in reached
        page.set_input_files("#take", str(photographs[2]))
        expect(page.locator("#status")).to_have_text(re.compile("^2, a flower"), timeout=30_000)


def test_a_thousand_classes_answer_at_once_and_their_names_are_text(chromium, small, photographs, tmp_path):
    names = (HOSTILE, "turned \u202e around", *(f"kind {number}" for number in range(998)))
    module = small.model.module.clone(num_classes=len(names))
    size = small.model.preprocessing.size
    variables = module.init(jax.random.key(0), jnp.zeros((1, size, size, 3)), train=False)
    variables["params"]["head"]["bias"] = jnp.zeros(1000).at[0].set(20)
    many = Exported(replace(small.model, classes=names, module=module, variables=variables, temperature=1.0))
    EXPORTERS["page"].write(many, tmp_path / "many.page")
    with visited(chromium, tmp_path / "many.page") as page:
        began = time.monotonic()
        assert answer(page, photographs[0]).startswith(f"{photographs[0].name}: {HOSTILE}, ")
        assert time.monotonic() - began < 5
        assert page.locator(".one h2").inner_text() == HOSTILE
        assert page.locator("#knows").inner_text().startswith(f"{HOSTILE}, turned \\u202e around, kind 0")
        page.locator("summary").click()
        assert page.locator("details").inner_text().endswith("kind 997")
        assert page.locator("img").count() == 0


def test_its_foot_says_how_good_the_model_is(chromium, folder, small):
    summary = small.model.summary
    low, high = summary["test_interval"]
    description = json.loads((folder / "description.json").read_text())
    with visited(chromium, folder) as page:
        said = text(page, "#about")
    for words in (
        f"{100 * summary['test_accuracy']:.1f} % of {summary['test_examples']} test photographs",
        f"(95 % interval: {100 * low:.1f} % to {100 * high:.1f} %)",
        description["written"],
        hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
        description["licence"],
    ):
        assert words in said, words
    assert "MIT License" in (folder / "runtime" / "LICENSE").read_text()


def test_it_is_not_sure_below_a_threshold(chromium, folder, photographs, tmp_path):
    shutil.copytree(folder, tmp_path / "unsure")
    description = json.loads((folder / "description.json").read_text())
    (tmp_path / "unsure" / "description.json").write_text(json.dumps(description | {"sure_from": 1.0, "test": None}))
    with visited(chromium, tmp_path / "unsure") as page:
        assert answer(page, photographs[0]).startswith(f"{photographs[0].name}: not sure, perhaps ")
        assert page.locator(".one h2").inner_text() == "Not sure"
        assert "No class has 100.0 % or more." in text(page, ".one")
        answer(page, *photographs[:2])
        assert page.locator("tbody").inner_text().count("not sure, perhaps") == 2
        assert "not measured" in text(page, "#about")


def test_a_page_that_cannot_load_says_so(chromium, folder, tmp_path):
    shutil.copytree(folder, tmp_path / "less")
    (tmp_path / "less" / "model.onnx").unlink()
    with served(tmp_path / "less") as address:
        page = chromium.new_page()
        page.goto(f"{address}/index.html")
        words = "The model cannot be loaded: model.onnx: the server says 404 File not found"
        expect(page.locator("#status")).to_have_text(words, timeout=30_000)
        page.close()


def test_without_npm_or_a_network_it_is_a_mistake_of_one_line(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("FLOWERS_JAX_OFFLINE", "1")
    words = r"^--format=page: the runtime of the browser is missing: onnxruntime-web@.* from npm: offline"
    with pytest.raises(UsageError, match=words):
        EXPORTERS["page"].write(exported, tmp_path / "model.page")
