"""bfloat16 activations train as float32 ones do."""

import pytest

from flowers_jax.training.loop import fit


@pytest.mark.parametrize(
    ("model", "size", "epochs"), [("seed_cnn", 28, 8), pytest.param("cnn", 32, 4, marks=pytest.mark.slow)]
)
def test_bfloat16_trains_to_the_accuracy_of_float32(smoke, tmp_path, model, size, epochs):
    smoke.model.name, smoke.data.image_size, smoke.epochs = model, size, epochs
    summaries = {}
    for smoke.precision in ("float32", "bfloat16"):
        summaries[smoke.precision] = fit(smoke, tmp_path / smoke.precision)
    exact, rounded = summaries["float32"], summaries["bfloat16"]
    assert exact["val_accuracy"] > 0.8
    for part in ("val_accuracy", "test_accuracy"):
        assert rounded[part] >= exact[part] - 0.1
