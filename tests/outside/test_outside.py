"""A model that stands outside the package trains, freezes, keeps features, resumes, evaluates and predicts."""

import csv
import inspect
import shutil
from functools import partial

import flax.linen as nn
import jax
import numpy as np
import pytest

from flowers_jax import config as config_lib
from flowers_jax import models
from flowers_jax.errors import ChangedCode, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.evaluation.evaluate import evaluate
from flowers_jax.models.features import before
from flowers_jax.models.freezing import held
from flowers_jax.models.groups import groups
from flowers_jax.models.registry import ModelSpec
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from tests.conftest import drawn_flowers, smoke_config
from tests.outside import resnet18, separable
from tests.training.runs import state_arrays

FILE = resnet18.__file__


def narrow(num_classes, axis_name=None):
    return resnet18.ResNet18(num_classes, axis_name, width=8)


SPEC = ModelSpec("narrow", narrow, groups=resnet18.SPEC.groups, features=before("head"))
NAME = f"{__name__}:SPEC"


@pytest.fixture
def config(smoke, folder):
    smoke.data.dir, smoke.data.image_size, smoke.model.name, smoke.epochs = str(folder), 32, NAME, 2
    return smoke


def test_the_example_with_fast_convolutions_is_the_same_model():
    """Its parameters have the names and shapes of plain Flax, and give the same logits; it has the groups it says."""
    x = jax.random.normal(jax.random.key(0), (2, 32, 32, 3))
    plain, fast = separable.SeparableCNN(3, conv=nn.Conv), separable.SPEC.module(3)
    variables = jax.jit(partial(plain.init, train=False))(jax.random.key(1), x)
    same = jax.jit(lambda variables, x: [one.apply(variables, x, train=False) for one in (plain, fast)])
    np.testing.assert_allclose(*same(variables, x), rtol=1e-5, atol=1e-5)
    assert {group.name for group in separable.SPEC.groups} == set(variables["params"])


def test_the_spec_of_the_example_is_short():
    source = inspect.getsource(resnet18)
    assert len(source[source.index("SPEC = ") :].strip().splitlines()) <= 10


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """A run of the head alone on kept features, stopped after an epoch and resumed, and the photographs."""
    root = tmp_path_factory.mktemp("outside")
    config = smoke_config()
    config.data.dir, config.data.image_size, config.model.name = str(drawn_flowers(root / "photographs")), 32, NAME
    config.model.freeze, config.transfer.views, config.epochs = "backbone", 1, 1
    fit(config, root / "run")
    shutil.copytree(root / "run", root / "first")
    config.epochs = 3
    fit(config, root / "run")
    return root


def test_it_is_frozen_keeps_features_and_goes_on(frozen):
    first, last = (state_arrays(frozen / name)["model"] for name in ("first", "run"))
    changed = {path for path in first if first[path].tobytes() != last[path].tobytes()}
    assert changed == {"params/head/kernel", "params/head/bias"}
    assert not any("stage" in path for path in state_arrays(frozen / "run")["optimizer"])
    with (frozen / "run" / "metrics.csv").open() as file:
        assert [row["phase"] for row in csv.DictReader(file)] == ["head"] * 3


def test_it_evaluates_and_predicts_with_its_code_named_again(frozen):
    run, photographs = str(frozen / "run"), frozen / "photographs"
    with pytest.raises(UsageError, match=rf"never runs without permission: give --code={NAME}"):
        trained_model.load(run)
    model = trained_model.load(run, code=NAME)
    assert evaluate(model, str(photographs))["examples"] == 60
    (predicted,) = trained_model.predict_files(model, [str(next(photographs.rglob("*.png")))])
    assert predicted.probabilities.shape == (3,)
    with pytest.warns(ChangedCode, match=r"SHA-256 of its file is not that in .*model\.json"):
        (frozen / "copy.py").write_text("from tests.outside.test_outside import SPEC  # the same by another file\n")
        trained_model.load(run, code=f"{frozen / 'copy.py'}:SPEC")


def test_nothing_in_a_run_directory_is_executed(frozen, tmp_path):
    """Neither by what model.json names nor by what config.json does."""
    run = shutil.copytree(frozen / "run", tmp_path / "run")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')\nSPEC = None\n")
    directory = RunDirectory(run)
    name = f"{tmp_path / 'evil.py'}:SPEC"
    directory.write_json("config.json", directory.read_json("config.json") | {"model.name": name})
    directory.write_json("model.json", directory.read_json("model.json") | {"name": name})
    with pytest.raises(UsageError, match="never runs without permission"):
        trained_model.load(str(run))
    assert not (tmp_path / "executed").exists()


def test_it_trains_from_a_stage_on(config, tmp_path):
    config.model.freeze, config.epochs = "stage_2", 1
    summary = fit(config, tmp_path / "run")
    assert 0 < summary["trainable_parameters"] < summary["parameters"]


class Norms(nn.Module):
    """BatchNorm and Dropout in the two ways that one tells them to evaluate."""

    by_field: bool

    @nn.compact
    def __call__(self, x, train):
        if self.by_field:
            x = nn.BatchNorm(use_running_average=not train, name="norm")(x)
            return nn.Dropout(0.5, deterministic=not train, name="drop")(x)
        x = nn.BatchNorm(name="norm")(x, use_running_average=not train)
        return nn.Dropout(0.5, name="drop")(x, deterministic=not train)


@pytest.mark.parametrize("by_field", [True, False])
@pytest.mark.parametrize(("frozen", "batch_norm"), [(["norm", "drop"], "batch"), ([], "stored"), ([], "batch")])
def test_what_is_held_evaluates(by_field, frozen, batch_norm):
    module, x = Norms(by_field), jax.random.normal(jax.random.key(0), (8, 5)) + 3
    variables = module.init(jax.random.key(0), x, train=False)
    with held(frozen, batch_norm):
        trained, updated = module.apply(
            variables, x, train=True, mutable=["batch_stats"], rngs={"dropout": jax.random.key(1)}
        )
    same = jax.tree.all(jax.tree.map(np.array_equal, variables["batch_stats"], updated["batch_stats"]))
    assert same == bool(frozen or batch_norm == "stored")
    assert np.array_equal(trained, module.apply(variables, x, train=False)) == bool(frozen)


class Tail(nn.Module):
    """Something behind the head, or a dropout before it."""

    num_classes: int
    kind: str = "scaled"

    @nn.compact
    def __call__(self, x, train):
        x = nn.Conv(4, (3, 3), name="stem")(x).mean((1, 2))
        if self.kind == "dropped":
            x = nn.Dropout(0.5, deterministic=not train)(x)
        x = nn.Dense(self.num_classes, name="head")(x)
        return 3 * x + 1 if self.kind == "scaled" else x


SCALED = ModelSpec("scaled", Tail, groups=groups("stem", "head"), features=before("head"))
DROPPED = ModelSpec("dropped", lambda num_classes: Tail(num_classes, "dropped"), groups=groups("stem", "head"),
                    features=before("head"))  # fmt: skip
FORGOTTEN = ModelSpec("forgotten", Tail, groups=groups("stem", "middle", "head"))
UNKNOWN = ModelSpec("unknown", Tail, groups=groups("trunk", "head"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("SCALED", "leaves out a part of the model"),
        ("DROPPED", "nn.Dropout Dropout_0 stands before the head"),
        ("FORGOTTEN", "the group middle of its ModelSpec holds no parameter"),
        ("UNKNOWN", "no group of its ModelSpec holds the parameter stem/"),
        ("NOTHING", "has no NOTHING"),
        ("FILE", "is a str; give a ModelSpec, or a flax.linen.Module"),
    ],
)
def test_what_a_spec_says_must_be_true(config, tmp_path, spec, message):
    config.model.name, config.epochs = f"{__name__}:{spec}", 1
    if spec in ("SCALED", "DROPPED"):
        config.model.freeze, config.transfer.views = "backbone", 1
    with pytest.raises(UsageError, match=message):
        fit(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("none_of_this:SPEC", "ModuleNotFoundError: No module named 'none_of_this'"),
        ("missing/file.py:SPEC", "no such file missing/file.py"),
        ("TMP/broken.py:SPEC", "ZeroDivisionError: division by zero"),
    ],
)
def test_code_that_cannot_be_imported_is_one_line(tmp_path, code, message):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(UsageError, match=message) as refused:
        models.find(code.replace("TMP", str(tmp_path)))
    assert "\n" not in str(refused.value) and str(refused.value).startswith("--config.model.name=")


def test_a_class_of_flax_alone_trains(config, tmp_path):
    """Without a spec nothing is known of its groups: it trains whole."""
    config.model.name, config.epochs = f"{__name__}:Tail", 1
    assert fit(config, tmp_path / "run")["test_examples"] == 6


def test_options_are_checked(config):
    config.model.options = {"alpha": 0.5}
    with pytest.raises(UsageError, match=r"model\.options\.alpha: .*:SPEC has no such option; it has none"):
        config_lib.validate(config)
