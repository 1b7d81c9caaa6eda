"""What `fit` is given as objects of Python in place of names."""

import subprocess
import sys

import jax
import numpy as np
import optax
import pytest
import sklearn.utils

from flowers_jax import config as config_lib
from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.errors import UsageError
from flowers_jax.losses.cross_entropy import cross_entropy
from flowers_jax.metrics import Metric
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from flowers_jax.training.photographs import class_weights
from tests.training.runs import rows, state_arrays

KAPPA = Metric("kappa", lambda logits, labels: 1.0 / len(labels))  # noqa: ARG005


def test_a_bare_transformation_trains_as_the_named_optimizer_does(smoke, tmp_path):
    """The plateau multiplies its updates, and `learning_rate` is that factor."""
    smoke.plateau.patience, smoke.plateau.min_delta = 1, 100.0
    smoke.optimizer.name, smoke.learning_rate = "sgd", 0.05
    fit(smoke, tmp_path / "named")
    fit(smoke, tmp_path / "given", optimizer=optax.sgd(0.05, 0.9))
    named, given = (rows(tmp_path / name) for name in ("named", "given"))
    assert [float(row["learning_rate"]) for row in given] == pytest.approx([1, 1, 0.2])
    assert [float(row["learning_rate"]) for row in named] == pytest.approx([0.05, 0.05, 0.01])
    models = (state_arrays(tmp_path / name)["model"] for name in ("named", "given"))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), *models)


def test_loss_augmentation_and_metric_count_and_are_named(smoke, tmp_path):
    def brighter(key, image):
        return image + jax.random.uniform(key, (), maxval=50)

    def doubled(logits, targets):
        return 2 * cross_entropy(logits, targets)

    fit(smoke, tmp_path / "plain", metrics="ece")
    fit(smoke, tmp_path / "loss", loss=doubled, metrics={"kappa": KAPPA.function})
    fit(smoke, tmp_path / "augment", augment=brighter)
    first = {name: rows(tmp_path / name)[0] for name in ("plain", "loss", "augment")}
    assert float(first["loss"]["val_kappa"]) == pytest.approx(1 / 12) and 0 <= float(first["plain"]["val_ece"]) <= 1
    assert len({row["train_loss"] for row in first.values()}) == 3
    config = RunDirectory(tmp_path / "loss").read_config()
    assert (config.loss.name, config.metrics, config.augment.name) == ("given", ("kappa",), "none")


def test_a_run_goes_on_with_what_it_was_given(smoke, tmp_path, capsys):
    smoke.epochs = 1
    fit(smoke, tmp_path / "run", loss=cross_entropy)
    smoke.epochs = 2
    with pytest.raises(
        UsageError, match=r"belongs to a run with another config: loss\.name \(given -> cross_entropy\)"
    ):
        fit(smoke, tmp_path / "run")
    smoke.loss.name = "given"
    with pytest.raises(UsageError, match=r"loss\.name=given: is an object of Python; give it again"):
        fit(smoke, tmp_path / "run")
    smoke.loss.name = "cross_entropy"
    assert fit(smoke, tmp_path / "run", loss=cross_entropy)["epochs"] == 2
    capsys.readouterr()
    fit(smoke, tmp_path / "run", loss=lambda logits, targets: 2 * cross_entropy(logits, targets))
    assert "the run is complete with the objects that it was given then" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["optimizer", "augment"])
def test_the_name_of_an_object_alone_is_refused_before_anything_is_written(smoke, tmp_path, name):
    smoke[name].name = "given"
    with pytest.raises(UsageError, match=rf"{name}\.name=given: is an object of Python; give it again"):
        fit(smoke, tmp_path / "run")
    assert not (tmp_path / "run").exists()


WRONG = """
import optax
from flowers_jax.config import load
from flowers_jax.errors import UsageError
from flowers_jax.metrics import Metric
from flowers_jax.training.loop import fit

def refused(**given):
    try:
        fit(load("smoke"), "run", **given)
    except UsageError as error:
        print(error)

refused(data="flowers")
refused(data=(1, 2))
refused(optimizer=0.1)
refused(optimizer="adamv")
refused(loss=3)
refused(metrics=[3])
refused(metrics=[Metric("accuracy", len)])
refused(callbacks=[print])
refused(callbacks=print)
refused(loss=lambda logits, targets: ((logits - targets) ** 2).mean())
refused(loss=lambda logits: logits)
try:
    fit("smoke", "run")
except UsageError as error:
    print(error)
"""


def test_what_is_no_such_object_is_one_line_and_nothing_is_written(tmp_path):
    """In a process without the hook that checks types, as users run it."""
    done = subprocess.run([sys.executable, "-c", WRONG], capture_output=True, text=True, cwd=tmp_path, check=True)
    expected = [
        "fit(..., data=...): is a str; give a Dataset, as Dataset.from_folder(FOLDER)",
        "fit(..., data=...): is a tuple; give a Dataset",
        "fit(..., optimizer=0.1): must be one of a name, Optimizer, GradientTransformation",
        "--config.optimizer.name=adamv: must be one of ",
        "fit(..., loss=3): must be one of a name, Loss, a function",
        "fit(..., metrics=[3]): must be a name, a Metric(name, function, mode), or {name: function}",
        "fit(..., metrics=[...]): there is a metric accuracy already; give it another name",
        "fit(..., callbacks=[<built-in function print>]): has no method on_epoch_end(row, variables)",
        "fit(..., callbacks=<built-in function print>): must be a list",
        "--config.loss.name=given: gives float32 [] for logits [2, 3]; it must give one loss for each example",
        "--config.loss.name=given: TypeError: ",
        "config: is a str; give what flowers_jax.config.load(NAME) returns",
    ]
    said = [line for line in done.stdout.splitlines() if line.startswith(("fit(", "--config", "config:"))]
    for line, words in zip(said, expected, strict=True):  # others tell of the photographs, which were read before
        assert line.startswith(words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("weights", "factors"), [("1,2,4", (1.0, 2.0, 4.0)), ("balanced", (1.0, 1.0, 1.0))])
def test_class_weights_multiply_the_loss_of_their_class(smoke, tmp_path, weights, factors):
    """32 photographs of each class train, so balanced weights are 1."""
    smoke.epochs, smoke.learning_rate, smoke.augment.horizontal_flip = 1, 1e-12, False
    fit(smoke, tmp_path / "plain")
    smoke.loss.class_weights = weights
    fit(smoke, tmp_path / "weighted")
    plain, weighted = (float(rows(tmp_path / name)[0]["train_loss"]) for name in ("plain", "weighted"))
    assert weighted == pytest.approx(plain * np.mean(factors), rel=0.1)
    assert (weighted == pytest.approx(plain, rel=1e-6)) == (weights == "balanced")
    validated = [float(rows(tmp_path / name)[0]["val_loss"]) for name in ("plain", "weighted")]
    assert validated[0] == pytest.approx(validated[1])


def test_balanced_weights_are_those_of_scikit_learn(smoke):
    labels = [0] * 5 + [1] * 20 + [2] * 75
    examples = tuple(Example(f"{i}", label, "", "train") for i, label in enumerate(labels))
    examples += (Example("test", 0, "", "test"),)
    dataset = Dataset("x", "", ("a", "b", "c"), examples, lambda path: b"")  # noqa: ARG005
    smoke.loss.class_weights = "balanced"
    expected = sklearn.utils.compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(config_lib.validate(smoke), dataset), expected)
    smoke.loss.class_weights = "1,2"
    with pytest.raises(UsageError, match=r"class_weights=1,2: has 2 numbers, and there are 3 classes: a, b, c"):
        class_weights(config_lib.validate(smoke), dataset)
    smoke.loss.class_weights = "heavy"
    with pytest.raises(UsageError, match=r"class_weights=heavy: must be none, balanced, or a number above 0"):
        config_lib.validate(smoke)
