"""The table of layers: golden rows and totals, and what the script prints."""

import pytest

from flowers_jax import models
from flowers_jax.models import table
from tests.scripts.commands import script


def test_the_courses_cnn():
    rows = [row[:4] for row in table.layers(models.create("seed_cnn", 5), 28)]
    assert rows == [
        ("conv", "Conv 3x3 /2", (14, 14, 32), 896),
        ("pool", "max_pool", (7, 7, 32), 0),
        ("flatten", "flatten", (1568,), 0),
        ("head", "Dense", (5,), 7_845),
    ]
    assert table.layers(models.create("seed_cnn", 5), 28)[0].multiply_adds == 14 * 14 * 32 * 3 * 3 * 3


@pytest.mark.parametrize(
    ("name", "size", "layers", "parameters", "statistics", "multiply_adds"),
    [
        ("mobilenet_v2", 224, 54, 3_504_872, 34_112, 300_774_272),  # 300 million in the paper
        ("cnn", 128, 18, 824_328, 2_240, 108_524_544),
    ],
)
def test_totals(name, size, layers, parameters, statistics, multiply_adds):
    rows = table.layers(models.create(name, 1000), size)
    assert (len(rows), len({row.name for row in rows})) == (layers, layers)
    totals = [sum(row[column] for row in rows) for column in (3, 4, 5)]
    assert totals == [parameters, statistics, multiply_adds]


def test_depthwise_costs_a_kernel_a_channel():
    row = next(row for row in table.layers(models.create("mobilenet_v2", 5), 224) if row.name.endswith("1/depthwise"))
    assert row.kind == "ConvNorm 3x3 /2"
    assert (row.parameters, row.multiply_adds) == (9 * 96 + 2 * 96, 56 * 56 * 9 * 96)


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
