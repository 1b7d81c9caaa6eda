"""Every family's names are imported exactly, and strictly both ways."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flowers_jax import models
from flowers_jax.models.mobilenet_v2 import tensor_names
from flowers_jax.models.mobilenet_v2.tensor_names import FAMILIES, export_variables, import_variables
from flowers_jax.models.weights.tensor_files import WeightsError

BY_NAME = {family.name: family for family in FAMILIES}


@pytest.fixture(scope="module")
def variables():
    """Random ones of a small MobileNetV2."""
    module = models.create("mobilenet_v2", 3, alpha=0.35)
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), dict(shapes))


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("family", BY_NAME)
def test_import_is_exact(variables, family, head):
    blank = jax.tree.map(np.zeros_like, variables)
    tensors = export_variables(variables, BY_NAME[family])
    if family == "torchvision":
        tensors["features.0.1.num_batches_tracked"] = np.array(1)
    if family == "Keras":  # as it was before version 3
        tensors["block_1_depthwise/depthwise_kernel"] = tensors.pop("block_1_depthwise/kernel")
    imported = import_variables(tensors, blank, head=head)
    for part in ("params", "batch_stats"):
        jax.tree.map(np.testing.assert_array_equal, imported[part]["backbone"], variables[part]["backbone"])
    assert (imported["params"]["head"]["kernel"] == variables["params"]["head"]["kernel"]).all() == head


GOLDEN_NAMES = {
    "torchvision": ["features.0.0.weight", "features.1.conv.0.0.weight", "features.1.conv.1.weight",
                    "features.1.conv.2.running_var", "features.2.conv.0.1.bias", "features.17.conv.2.weight",
                    "features.17.conv.3.running_mean", "features.18.1.weight"],
    "timm": ["conv_stem.weight", "bn1.weight", "blocks.0.0.conv_dw.weight", "blocks.0.0.conv_pw.weight",
             "blocks.0.0.bn2.running_var", "blocks.1.1.conv_pwl.weight", "blocks.6.0.bn3.bias", "conv_head.weight",
             "bn2.running_mean"],
    "Keras": ["Conv1/kernel", "bn_Conv1/gamma", "expanded_conv_depthwise/kernel",
              "expanded_conv_project_BN/moving_variance", "block_16_expand/kernel", "block_1_depthwise_BN/beta",
              "Conv_1/kernel", "Conv_1_bn/moving_mean"],
}  # fmt: skip


@pytest.mark.parametrize("family", GOLDEN_NAMES)
def test_names_are_the_librarys(variables, family):
    tensors = export_variables(variables, BY_NAME[family])
    assert [name for name in GOLDEN_NAMES[family] if name not in tensors] == []
    assert tensor_names.family_of(tensors).name == family


def test_import_is_strict_both_ways(variables):
    tensors = export_variables(variables, BY_NAME["torchvision"])
    with pytest.raises(WeightsError, match=r"missing features\.3\.conv\.1\.0\.weight"):
        import_variables({n: t for n, t in tensors.items() if n != "features.3.conv.1.0.weight"}, variables)
    with pytest.raises(WeightsError, match=r"unexpected features\.99\.weight"):
        import_variables(tensors | {"features.99.weight": np.zeros(1)}, variables)
    kernel = tensors["features.18.0.weight"]
    with pytest.raises(WeightsError, match=r"features\.18\.0\.weight has shape \(112, 1280, 1, 1\)"):
        import_variables(tensors | {"features.18.0.weight": kernel.transpose(1, 0, 2, 3)}, variables)
    with pytest.raises(WeightsError, match=r"missing .*; missing .* and 25\d more"):
        import_variables({"features.0.0.weight": tensors["features.0.0.weight"]}, variables)
    with pytest.raises(WeightsError, match=r"classifier\.1\.weight has shape"):
        import_variables(tensors | {"classifier.1.weight": np.zeros((1000, 1280))}, variables, head=True)
    with pytest.raises(WeightsError, match=r"features\.0\.0\.weight holds numbers that are not finite"):
        import_variables(tensors | {"features.0.0.weight": np.full((16, 3, 3, 3), np.nan)}, variables)
    with pytest.raises(WeightsError, match=r"no MobileNetV2 of Keras, torchvision or timm: its first tensors are a, b"):
        import_variables({"b": np.zeros(1), "a": np.zeros(1)}, variables)
    other = models.create("mobilenet_v2", 3, alpha=0.5)
    shapes = dict(jax.eval_shape(other.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3))))
    with pytest.raises(WeightsError, match="not torchvision's MobileNetV2 of this width and head: features"):
        import_variables(tensors, jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes))
