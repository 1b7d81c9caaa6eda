"""The table of layers: golden rows and totals, and what the script prints."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from flowers_jax import models
from flowers_jax.models import summary
from tests.scripts.commands import script


def test_the_courses_cnn():
    rows = [row[:4] for row in summary.layers(models.create("seed_cnn", 5), 28)]
    assert rows == [
        ("conv", "Conv 3x3 /2", (14, 14, 32), 896),
        ("pool", "max_pool", (7, 7, 32), 0),
        ("flatten", "flatten", (1568,), 0),
        ("head", "Dense", (5,), 7_845),
    ]
    assert summary.layers(models.create("seed_cnn", 5), 28)[0].multiply_adds == 14 * 14 * 32 * 3 * 3 * 3


@pytest.mark.parametrize(
    ("name", "size", "layers", "parameters", "statistics", "multiply_adds"),
    [
        ("mobilenet_v2", 224, 54, 3_504_872, 34_112, 300_774_272),  # 300 million in the paper
        ("efficientnet_lite", 224, 51, 4_652_008, 42_016, 385_187_552),
        ("cnn", 128, 18, 824_328, 2_240, 108_524_544),
    ],
)
def test_totals(name, size, layers, parameters, statistics, multiply_adds):
    rows = summary.layers(models.create(name, 1000), size)
    assert (len(rows), len({row.name for row in rows})) == (layers, layers)
    totals = [sum(row[column] for row in rows) for column in (3, 4, 5)]
    assert totals == [parameters, statistics, multiply_adds]


def test_depthwise_costs_a_kernel_a_channel():
    row = next(row for row in summary.layers(models.create("mobilenet_v2", 5), 224) if row.name.endswith("1/depthwise"))
    assert row.kind == "ConvNorm 3x3 /2"
    assert (row.parameters, row.multiply_adds) == (9 * 96 + 2 * 96, 56 * 56 * 9 * 96)


class Scaled(nn.Module):
    """Parameters in a nested dict, and an output that is no single array."""

    @nn.compact
    def __call__(self, x):
        scale = self.param("scale", lambda _: {"a": {"b": jnp.ones(3)}, "kernel": jnp.ones(1)})
        return x * scale["kernel"], scale["a"]["b"]


class Foreign(nn.Module):
    """Layers of Flax, one of them twice, below a parameter of the model's own."""

    @nn.compact
    def __call__(self, x, train=False):
        x = nn.Conv(8, (3, 3), strides=2, use_bias=False, name="first")(x)
        x = nn.BatchNorm(use_running_average=not train, name="batch")(x)
        x = nn.Conv(8, (3, 3), strides=(2, 1), feature_group_count=4, name="grouped")(x)
        x = nn.LayerNorm(name="layer")(nn.GroupNorm(2, name="group")(x))
        pixel = nn.Dense(8, use_bias=False, name="pixel")
        x, _ = Scaled(name="scaled")(pixel(pixel(x)))
        x = x.mean((1, 2)) + nn.Embed(3, 8, name="embed")(jnp.zeros(len(x), jnp.int32))
        x = nn.DenseGeneral((2, 4), name="heads")(x + self.param("shift", nn.initializers.zeros, (8,)))
        return nn.Dense(5, name="head")(x.reshape(len(x), -1))


def test_layers_from_elsewhere():
    rows = {row.name: row for row in reversed(summary.layers(Foreign(), 28))}
    assert {name: row[1:] for name, row in rows.items()} == {
        "first": ("Conv 3x3 /2", (14, 14, 8), 9 * 3 * 8, 0, 14 * 14 * 9 * 3 * 8),
        "batch": ("BatchNorm", (14, 14, 8), 16, 16, 0),
        "grouped": ("Conv 3x3 /2x1", (7, 14, 8), 9 * 2 * 8 + 8, 0, 7 * 14 * 9 * 2 * 8),
        "group": ("GroupNorm", (7, 14, 8), 16, 0, 0),
        "layer": ("LayerNorm", (7, 14, 8), 16, 0, 0),
        "pixel": ("Dense", (7, 14, 8), 64, 0, 7 * 14 * 64),
        "scaled": ("Scaled", (), 4, 0, 0),
        "embed": ("Embed", (8,), 24, 0, 0),
        "heads": ("DenseGeneral", (2, 4), 72, 0, 64),
        "head": ("Dense", (5,), 45, 0, 40),
        "": ("Foreign", (5,), 8, 0, 0),
    }


def test_every_parameter_counts_once():
    everything = jax.eval_shape(Foreign().init, jax.random.key(0), jnp.zeros((1, 28, 28, 3)))
    rows = summary.layers(Foreign(), 28)
    for name, count in (("params", "parameters"), ("batch_stats", "statistics")):
        assert sum(getattr(row, count) for row in rows) == sum(leaf.size for leaf in jax.tree.leaves(everything[name]))
    assert [row.name for row in rows].count("pixel") == 2
    assert "633 parameters and 16 BatchNorm statistics" in summary.text(rows)


def test_the_script(capsys):
    assert script("summary", "--config=configs/mobilenet_frozen.py", "--classes=10") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "mobilenet_v2, 256x256x3 -> 10 classes"
    assert max(map(len, lines)) <= 100
    assert lines[-2] == "12,810 of the parameters train, 2,223,872 are frozen"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config=configs/cnn.py", "--classes=1"], "error: --classes=1: must be at least 2\n"),
        (["--config=configs/mobilenet.py", "--config.data.image_size=31"], "mobilenet_v2 needs at least 32\n"),
        (["--classes=3"], "required: --config"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, message):
    assert script("summary", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1
