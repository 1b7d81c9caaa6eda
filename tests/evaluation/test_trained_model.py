"""A trained model out of its run directory."""

import io
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import ExifTags, Image

from flowers_jax import config as config_lib
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import DamageWarning, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from flowers_jax.training.setup import prepare
from tests.conftest import png, smoke_config
from tests.data.pictures import scene


@pytest.fixture(scope="module")
def bfloat16_run(tmp_path_factory):
    run, config = tmp_path_factory.mktemp("bfloat16") / "run", smoke_config()
    config.epochs, config.precision = 1, "bfloat16"
    fit(config, run)
    return run, config


def test_precision_is_chosen_where_the_model_runs(bfloat16_run):
    run, _ = bfloat16_run
    assert json.loads((run / "model.json").read_text())["fields"]["dtype"] == "bfloat16"
    images = np.random.default_rng(0).integers(0, 256, (16, 28, 28, 3), np.uint8)
    logits = {}
    for wanted, got in (("auto", "float32"), ("float32", "float32"), ("bfloat16", "bfloat16")):
        model = trained_model.load(str(run), wanted)
        assert model.precision == got
        logits[wanted] = np.asarray(model.logits(images))
    np.testing.assert_array_equal(logits["auto"], logits["float32"])
    assert not np.array_equal(logits["auto"], logits["bfloat16"])
    np.testing.assert_allclose(logits["auto"], logits["bfloat16"], atol=0.1)
    with pytest.raises(UsageError, match=r"^--precision=half: must be one of auto, float32, bfloat16$"):
        trained_model.load(str(run), "half")


def test_a_run_that_goes_on_keeps_its_own(bfloat16_run):
    run, config = bfloat16_run
    assert prepare(config_lib.validate(config), RunDirectory(run), begun=True).module.dtype == jnp.bfloat16


def test_another_model_has_not_the_temperature_of_the_one_that_is_lost(smoke, tmp_path):
    run = tmp_path / "run"
    smoke.checkpoint.keep = 9
    summary = fit(smoke, run)
    RunDirectory(run).write_summary(summary | {"temperature": 0.5})
    assert trained_model.load(str(run)).temperature == 0.5
    kept = summary["model_epoch"]
    (run / "checkpoints" / str(kept) / "manifest.json").unlink()
    with pytest.warns(DamageWarning, match=f"checkpoints/{kept} is skipped"):
        assert trained_model.load(str(run)).temperature == 1


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Of a run on arrays, whose photographs are resized by a crop."""
    where, config = tmp_path_factory.mktemp("model"), smoke_config()
    config.epochs, config.batch_size, config.data.crop, config.data.split = 2, 8, 0.75, (0.5, 0.25, 0.25)
    dataset = Dataset.from_arrays(*_photographs(), classes=["dark", "light"])
    fit(config, where / "run", data=dataset)
    return trained_model.load(where / "run"), dataset


def _photographs():
    """24 of two classes, of three sizes."""
    rng = np.random.default_rng(0)
    sizes = [(30 + 7 * (number % 3), 40) for number in range(24)]
    return [rng.integers(0, 256, (*size, 3), np.uint8) // (1 + n % 2) for n, size in enumerate(sizes)], [1, 0] * 12


def same(first, second):
    assert first.dtype == second.dtype and first.tobytes() == second.tobytes()


def test_a_path_an_array_and_a_picture_of_the_same_pixels_are_one(model, tmp_path):
    """Of an odd size, whose middle is cut out and made smaller."""
    run, _ = model
    picture = scene(1).resize((61, 47))
    (tmp_path / "a.png").write_bytes(png(picture))
    expected = run.logits(tmp_path / "a.png")
    assert expected.dtype == np.float32 and expected.shape == (1, 2)
    for images in (
        str(tmp_path / "a.png"), picture, np.asarray(picture), [picture], np.asarray(picture)[None],
        jnp.asarray(picture), tmp_path.glob("*.png"), np.asarray(picture, order="F"),
    ):  # fmt: skip
        same(run.logits(images), expected)


@pytest.mark.parametrize("kind", ["orientation", "alpha", "palette", "sixteen bits"])
def test_a_picture_is_what_its_file_is(model, tmp_path, kind):
    run, _ = model
    picture, options = scene(2).resize((50, 40)), {}
    if kind == "orientation":
        picture.getexif()[ExifTags.Base.Orientation] = 6
        options = {"exif": picture.getexif()}
    elif kind == "alpha":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    elif kind == "palette":
        picture = picture.quantize(8)
    else:
        picture = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    data = png(picture, **options)
    (tmp_path / "a.png").write_bytes(data)
    expected = run.logits(tmp_path / "a.png")
    same(run.logits(Image.open(io.BytesIO(data))), expected)
    if kind == "orientation":
        assert run.logits(np.asarray(picture)).tobytes() != expected.tobytes()


def test_probabilities_of_many_are_those_of_each(model):
    """More than a batch, in other batches too; each batch size compiles once, however many images there are."""
    run, _ = model
    images, _ = _photographs()
    whole = run.predict(images[:11])
    assert whole.dtype == np.float64 and whole.shape == (11, 2)
    np.testing.assert_allclose(whole.sum(-1), 1)
    scaled = np.exp(run.logits(images[:11]).astype(np.float64) / run.temperature)
    np.testing.assert_allclose(whole, scaled / scaled.sum(-1, keepdims=True))
    shapes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jax, "device_get", lambda value, get=jax.device_get: shapes.append(value.shape) or get(value))
        for count in (1, 5, 8):
            same(run.predict(images[:count]), whole[:count])
    assert len(shapes) == 3 and len(set(shapes)) == 1
    np.testing.assert_allclose(run.predict(images[:11], batch_size=16), whole, atol=1e-6)
    assert run.predict([]).shape == (0, 2) and run.features([]).shape == (0, run.features(images[0]).shape[1])


def test_features_are_what_the_head_is_given(model):
    run, _ = model
    images, _ = _photographs()
    features = run.features(images[:3])
    head = run.variables["params"]["head"]
    assert features.dtype == np.float32
    np.testing.assert_allclose(features @ head["kernel"] + head["bias"], run.logits(images[:3]), atol=1e-4)


def test_module_and_variables_give_the_logits(model):
    run, _ = model
    images = np.random.default_rng(1).integers(0, 256, (2, 28, 28, 3), np.uint8)
    logits = run.module.apply(run.variables, run.preprocessing.normalize(images), train=False)
    np.testing.assert_allclose(run.predictor(np.resize(images, (8, 28, 28, 3)))[:2], logits, atol=1e-5)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 28, 28, 3), np.float32), r"images\[0\]: float32 \[28, 28, 3\]; must be uint8 \[H, W, 3\]"),
        ([np.zeros((28, 28, 3), np.uint8), np.zeros((28, 28), np.uint8)], r"images\[1\]: uint8 \[28, 28\]; must be"),
        (np.zeros((28, 28, 4), np.uint8), r"images\[0\]: uint8 \[28, 28, 4\]; must be"),
        (np.zeros(3, np.uint8), r"images: uint8 \[3\]; must be uint8 \[N, H, W, 3\] or \[H, W, 3\]"),
        (np.zeros((1, 0, 5, 3), np.uint8), r"images\[0\]: uint8 \[0, 5, 3\]"),
        ([3], r"images\[0\]: int; must be a path, an array"),
        (3, "images: int; must be paths, arrays"),
        (Path("no such.png"), "no such.png: no such file"),
        (["/dev/null"], "/dev/null: not a regular file"),
    ],
)
def test_what_is_no_image_is_one_line(model, images, words):
    run, _ = model
    with pytest.raises(UsageError, match=f"^{words}") as refused:
        run.predict(images)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_that_is_none(model, size):
    with pytest.raises(UsageError, match=rf"^batch_size={size}: must be a whole number of at least 1, or None$"):
        model[0].predict(np.zeros((28, 28, 3), np.uint8), batch_size=size)


def test_history_has_the_columns_of_metrics_csv(model):
    run, _ = model
    rows = run.run.read_csv("metrics.csv")
    history = run.history
    assert list(history) == list(rows[0]) and history["epoch"].dtype == np.int64 and history["phase"].dtype.kind == "U"
    assert history["epoch"].tolist() == [1, 2] and history["val_loss"].dtype == np.float64
    assert history["val_loss"].tolist() == [float(row["val_loss"]) for row in rows]
    assert repr(run) == f"<TrainedModel seed_cnn of {run.run.path}, 2 classes>"
    assert run.summary["val_accuracy"] in history["val_accuracy"]


def test_a_confusion_matrix_has_a_row_for_each_label(model):
    run, dataset = model
    rows = run.run.read_predictions()
    expected = np.zeros((2, 2), np.int64)
    for row in rows:
        expected[run.classes.index(row["label"]), run.classes.index(row["predicted"])] += 1
    same(run.confusion_matrix(), expected)
    splits = run.run.read_splits()
    for part in ("train", "validation"):
        matrix = run.confusion_matrix(part, dataset)
        counts = [sum(r["split"] == part and r["label"] == name for r in splits.values()) for name in run.classes]
        assert matrix.sum(1).tolist() == counts
        assert np.trace(matrix) == round(run.evaluate(dataset, part)["accuracy"] * sum(counts))
    same(run.confusion_matrix("test", dataset), expected)
    assert run.confusion_matrix("", dataset).sum() == 24
    with pytest.raises(UsageError, match="arrays"):
        run.confusion_matrix("validation")
    with pytest.raises(UsageError, match=r"^confusion_matrix\('tests'\): must be one of train, validation, test$"):
        run.confusion_matrix("tests")


def test_the_runs_own_photographs_are_read_again(bfloat16_run):
    run = trained_model.load(bfloat16_run[0])
    matrix = run.confusion_matrix("validation")
    assert matrix.sum() == 12 and np.trace(matrix) == round(12 * run.summary["val_accuracy"])
