"""The page of a run: its figures are those of the run, names are text, and what is missing is said."""

import base64
import io
from dataclasses import replace

import flax.linen as nn
import numpy as np
import pytest
from PIL import Image

from flowers_jax.config import flatten
from flowers_jax.data.dataset import Dataset
from flowers_jax.evaluation import neighbours, trained_model
from flowers_jax.report import run_report
from flowers_jax.report.examples import examples
from flowers_jax.report.html import percent
from flowers_jax.report.page import ReportPage
from flowers_jax.runtime.terminal import shown
from flowers_jax.training.loop import fit
from tests import browser
from tests.conftest import smoke_config
from tests.report.runs import CLASSES, SCRIPT, Page, barely_trained, hostile_table
from tests.training import networks

NETWORK = f"{networks.__name__}:SPEC"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return hostile_table(tmp_path_factory.mktemp("hostile") / "photographs")


@pytest.fixture(scope="module")
def model(tmp_path_factory, table):
    return trained_model.load(barely_trained(tmp_path_factory.mktemp("run") / "run", table))


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "report.html"
    run_report.write(model, run_report.of_run(model), file)
    return file


def test_its_figures_are_those_of_the_summary(model, file):
    page, summary = Page(file), model.summary
    low, high = summary["test_interval"]
    right = round(summary["test_accuracy"] * summary["test_examples"])
    assert 0 < right < summary["test_examples"]
    for words in (
        f"{percent(summary['test_accuracy'])} accuracy: {right} of {summary['test_examples']} photographs",
        f"{percent(low)} to {percent(high)}",
        f"calibrated ECE {percent(summary['test_calibrated_ece'])}",
        f"macro F1 {percent(summary['test_metrics']['macro_f1'])}",
        f"loss {summary['test_loss']:.4f}",
        f"SHA-256 {summary['dataset_sha256']}",
        f"jax {summary['versions']['jax']}",
        "learning_rate 0.0003 0.001",
        "flowers-jax train --config=",
    ):
        assert words in page.text, words
    assert f"All {len(flatten(model.run.read_config()))} keys" in page.text


def test_names_are_text(file):
    source, page = file.read_text("utf-8"), Page(file)
    assert "script" not in page.elements and "b" not in page.elements
    assert SCRIPT in page.text and CLASSES[1] in page.text
    assert "\u202e" not in source and r"right\u202eleft" in page.text
    alts = " ".join(str(image["alt"]) for image in page.images)
    assert r"line\nbreak" in alts and 'double"quote' in alts and "<b>bold" in alts


def test_photographs_have_heat_maps_and_mistakes_have_neighbours(model, file):
    page, predictions = Page(file), run_report.of_run(model).predictions
    mistakes, hits = (min(12, len(rows)) for rows in (predictions.mistakes(), predictions.hits()))
    assert mistakes and hits
    assert len(page.of("Photograph ")) == len(page.of("The same with a heat map")) == mistakes + hits
    assert len(page.of("Training photograph ")) == 3 * mistakes
    first = Image.open(io.BytesIO(base64.b64decode(str(page.of("Photograph ")[0]["src"]).partition(",")[2])))
    path = predictions.paths[predictions.mistakes()[0]]
    data = run_report.of_run(model).dataset.read(path)
    own = Image.open(io.BytesIO(data)).convert("RGB").resize(first.size)
    assert np.abs(np.asarray(first, float) - np.asarray(own, float)).mean() < 10
    for name in run_report.ALTS.values():
        (image,) = page.of(name)
        assert base64.b64decode(str(image["src"]).removeprefix("data:image/svg+xml;base64,")).startswith(b"<?xml")


def test_neighbours_of_a_frozen_model_are_found_among_the_features_that_it_trained_on(tmp_path, monkeypatch):
    frozen = {"model__name": NETWORK, "model__weights": "none", "model__freeze": "backbone", "transfer__views": 1}
    run = barely_trained(tmp_path / "run", **frozen)
    model = trained_model.load(run, code=NETWORK)
    tested = run_report.of_run(model)
    arguments = model, tested.predictions, tested.dataset, tested.training
    with monkeypatch.context() as refused:
        refused.setattr(neighbours, "_read", None)
        found = examples(*arguments)
    assert any(card.neighbours for card in found.mistakes)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    assert [[near.path for near in card.neighbours] for card in examples(*arguments).mistakes] == [
        [near.path for near in card.neighbours] for card in found.mistakes
    ]


def test_photographs_that_are_gone(model, tmp_path):
    tested = run_report.of_run(model)
    lost = tested.predictions.paths[tested.predictions.mistakes()[0]]

    def read(path):
        if path == lost:
            raise FileNotFoundError(2, "No such file or directory")
        return tested.dataset.read(path)

    dataset = replace(tested.dataset, read=read)
    run_report.write(model, replace(tested, dataset=dataset, training=dataset), tmp_path / "one.html")
    words = f"1 of these photographs cannot be read any more: {shown(lost)}: No such file or directory"
    assert words in Page(tmp_path / "one.html").text
    run_report.write(model, replace(tested, dataset=None, training=None), tmp_path / "all.html")
    page = Page(tmp_path / "all.html")
    assert page.of("Photograph ") == [] and SCRIPT in page.text


def test_the_photographs_of_the_run_are_gone(tmp_path):
    table = hostile_table(tmp_path / "photographs")
    model = trained_model.load(barely_trained(tmp_path / "run", table))
    table.unlink()
    (remark,) = run_report.of_run(model).remarks
    assert remark.startswith("The photographs of the run cannot be shown: ") and str(table) in remark


def test_a_run_without_a_test_part(table, tmp_path):
    model = trained_model.load(barely_trained(tmp_path / "run", table, data__split=(0.7, 0.3, 0.0)))
    run_report.write(model, run_report.of_run(model), tmp_path / "report.html")
    page = Page(tmp_path / "report.html")
    assert "The run has no test part" in page.text and "accuracy:" not in page.text
    assert percent(model.summary["val_accuracy"]) in page.text and page.of("Photograph ") == []


class Plain(nn.Module):
    """A model from outside, which says nothing of features."""

    num_classes: int

    @nn.compact
    def __call__(self, x, train=False):
        del train
        x = nn.relu(nn.Conv(4, (3, 3), 4, name="conv")(x))
        return nn.Dense(self.num_classes)(x.mean((1, 2)))


def test_the_reporter_writes_of_arrays_and_of_a_model_from_outside(tmp_path):
    rng, config = np.random.default_rng(0), smoke_config()
    config.epochs, config.data.split, config.model.name = 1, (0.5, 0.2, 0.3), f"{__name__}:Plain"
    data = Dataset.from_arrays(rng.integers(0, 256, (60, 28, 28, 3), np.uint8), [0, 1] * 30, ["dark", "light"])
    fit(config, tmp_path / "run", data=data, reporters=[ReportPage()])
    page = Page(tmp_path / "run" / "report.html")
    assert len(page.of("Photograph ")) == len(page.of("The same with a heat map")) > 0
    assert page.of("Training photograph ") == []
    assert "No command repeats the run: it has objects of Python" in page.text


def test_the_reporter_is_idle_where_the_config_says_so(tmp_path):
    config = smoke_config()
    config.epochs, config.logging.report = 1, False
    fit(config, tmp_path / "run", reporters=[ReportPage()])
    assert not (tmp_path / "run" / "report.html").exists()


@pytest.mark.wings
def test_in_a_browser(model, file, table, tmp_path):
    def look(page):
        assert SCRIPT in page.inner_text("#classes + .side")
        assert page.evaluate("document.scripts.length") == 0
        broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
        assert page.evaluate(broken) == 0
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"

    browser.check(file, look)
    run_report.write(model, run_report.of_new(model, str(table)), tmp_path / "new.html")
    browser.check(tmp_path / "new.html")
    empty = replace(run_report.of_run(model), dataset=None, training=None)
    run_report.write(model, empty, tmp_path / "empty.html")
    browser.check(tmp_path / "empty.html")


def noise(where, photographs, classes):
    """The report of a run on noise, which JPEG makes least of."""
    rng, config = np.random.default_rng(0), smoke_config()
    config.epochs, config.data.split, config.data.group_similar = 1, (0.3, 0.1, 0.6), False
    names = [f"class {number} with a name of some length" for number in range(classes)]
    images = rng.integers(0, 256, (photographs, 28, 28, 3), np.uint8)
    data = Dataset.from_arrays(images, np.arange(photographs) % classes, names, group_similar=False)
    fit(config, where, data=data, reporters=[ReportPage()])
    return where / "report.html", names


@pytest.mark.wings
def test_long_tables_in_a_browser(tmp_path):
    file, _ = noise(tmp_path / "run", 300, 25)
    with browser.chromium() as chromium, browser.opened(chromium, file, browser.WIDTHS[0]) as page:
        page.get_by_text("All 25 classes").click()
        assert page.get_by_text("Figures of each class", exact=True).is_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not browser.findings(page)


@pytest.mark.wings
def test_ten_thousand_photographs_of_a_thousand_classes_fit_five_megabytes(tmp_path):
    file, names = noise(tmp_path / "run", 10_000, 1000)
    assert file.stat().st_size <= 5_000_000
    page = Page(file)
    assert len(page.of("Photograph ")) >= 12 and all(page.text.count(name) >= 2 for name in names[::100])
