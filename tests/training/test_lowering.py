"""The training step of every model as a program for CUDA and TPU devices, which no such device has to run."""

import re
from collections import Counter
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from flowers_jax import models
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.training import feed
from flowers_jax.training.step import train_step
from tests.training.steps import MIX, batch, start

QUICK = ("seed_cnn", "cnn")
DEVICES = 4
SIZE = 32
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in models.MODELS]


def lowered(name, platform, convolution="auto", dtype=jnp.bfloat16):
    """The text of the program, and its outputs."""
    fields = {"dtype": dtype, "convolution": convolution, "axis_name": parallel.AXIS}
    spec = models.find(name)
    module = models.create(name, 3, **{field: value for field, value in fields.items() if spec.takes(field)})
    optimizer = optax.adam(1e-3)
    step = partial(train_step, module=module, optimizer=optimizer, preprocessing=Preprocessing(SIZE), augment=MIX)
    rows = jax.tree.map(lambda leaf: leaf.reshape(DEVICES, -1, *leaf.shape[1:]), batch(8, SIZE))
    return exported(step, DEVICES, platform, start(module, optimizer), rows)


def exported(step, devices, platform, *arguments):
    mapped = parallel.jit_shard_map(step, jax.devices()[:devices])
    made = jax.export.export(mapped, platforms=[platform])(*arguments)
    return made.mlir_module(), made.out_avals


def operations(text):
    return Counter(re.findall(r"stablehlo\.\w+", text))


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("name", NAMES)
def test_no_path_or_barrier_of_a_cpu_is_in_it(name, platform):
    """What `convolution=xla` gives is the backend's convolution everywhere."""
    text, _ = lowered(name, platform)
    found, plain = operations(text), operations(lowered(name, platform, "xla")[0])
    assert "optimization_barrier" not in text and "inlineable" not in text
    for operation in ("stablehlo.convolution", "stablehlo.dot_general", "stablehlo.pad", "stablehlo.concatenate"):
        assert found[operation] == plain[operation], operation
    assert found["stablehlo.convolution"] > 0 and found["stablehlo.all_reduce"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_convolutions_are_bfloat16_and_what_is_kept_float32(name):
    text, outputs = lowered(name, "tpu")
    types = re.findall(r"stablehlo\.convolution.*?: \(tensor<\S*x(\w+)>, tensor<\S*x(\w+)>\)", text)
    assert types and set(types) == {("bf16", "bf16")}
    assert {aval.dtype for aval in outputs if jnp.issubdtype(aval.dtype, jnp.floating)} == {jnp.dtype("float32")}


def test_on_a_cpu_the_paths_and_barriers_are_there():
    """So the tests above can fail."""
    name = "cnn"
    text, _ = lowered(name, "cpu", dtype=jnp.float32)
    assert "optimization_barrier" in text and "inlineable" in text
    assert (
        operations(text)["stablehlo.dot_general"] > operations(lowered(name, "cpu", "xla")[0])["stablehlo.dot_general"]
    )


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_on_a_cpu_the_dimensions_of_each_convolution_are_in_order(name, dtype):
    """Within a loop XLA's CPU backend runs others 50 times slower: in `accumulate` and in several steps in a call."""
    text, _ = lowered(name, "cpu", dtype=dtype)
    found = re.findall(
        r"stablehlo\.convolution.*?dim_numbers = (\S+, \S+, \S+, \S+, \S+, \S+, \S+, \S+, \S+, \S+),", text
    )
    assert len(found) == operations(text)["stablehlo.convolution"]
    # The others have one convolution of all channels, the first layer, which is a product of matrices.
    assert set(found) == ({"[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"} if name == "cnn" else set())


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_several_steps_in_a_call_lower_too(platform):
    module, optimizer, one = models.create("seed_cnn", 3, dtype=jnp.bfloat16), optax.sgd(0.1), batch(8, SIZE)
    step = partial(train_step, module=module, optimizer=optimizer, preprocessing=Preprocessing(SIZE))
    first, count = jnp.int32(0), jnp.int32(2)

    def steps(state, share):
        return feed.several(step)(
            state, feed.Resident(jnp.array(one["image"]), jnp.array(one["label"]), *share, first, count)
        )

    share = np.zeros((1, 3, 8), np.int32), np.ones((1, 3, 8), bool)
    text, _ = exported(steps, 1, platform, start(module, optimizer), share)
    assert "stablehlo.while" in text and "optimization_barrier" not in text
