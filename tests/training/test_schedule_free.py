"""Schedule-free AdamW predicts with the mean of its weights, and with batch statistics of that mean."""

import flax.linen as nn
import jax
import numpy as np
import pytest

from flowers_jax.augment import Augment
from flowers_jax.errors import UsageError
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel
from flowers_jax.training.batch_statistics import batch_statistics, statistics_step
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config
from tests.training.networks import small
from tests.training.runs import state_arrays


class Net(nn.Module):
    """A frozen and a moving BatchNorm, each with another momentum, and one that always keeps its statistics."""

    num_classes: int = 3

    @nn.compact
    def __call__(self, x, train):
        norm = lambda name, momentum, fixed=False: nn.BatchNorm(  # noqa: E731
            use_running_average=fixed or not train, momentum=momentum, axis_name=parallel.AXIS, name=name
        )
        x = norm("frozen", 0.9)(x)
        x = norm("fixed", 0.5, fixed=True)(x)
        return nn.Dense(3)(norm("moving", 0.7)(nn.Conv(4, (3, 3))(x)).mean((1, 2)))


@pytest.mark.parametrize("devices", [1, 2])
def test_batch_statistics_are_the_means_over_the_batches(devices):
    rng = np.random.default_rng(0)
    batches = [
        {
            "image": rng.integers(0, 256, (8, 6, 6, 3), np.uint8),
            "label": np.zeros(8, np.int32),
            "mask": np.ones(8, bool),
        }
        for _ in range(3)
    ]
    net, p = Net(), Preprocessing(6)
    variables = jax.device_get(net.init(jax.random.key(0), np.zeros((2, 6, 6, 3), np.float32), train=False))
    how = {"module": net, "preprocessing": p, "frozen": ("frozen",), "augment": Augment(), "seed": 0, "num_classes": 3}
    places = jax.local_devices()[:devices]
    step = parallel.map_step(lambda v, b: statistics_step(v, b, **how), places, donate_state=False)
    found = batch_statistics(step, variables, iter(batches), 5, places)
    for name in ("frozen", "fixed"):
        jax.tree.map(np.testing.assert_array_equal, found[name], variables["batch_stats"][name])
    inside = []
    for batch in batches:
        x = np.asarray(p.normalize(batch["image"])) / np.sqrt(1 + 1e-5) ** 2
        inside.append(np.asarray(nn.Conv(4, (3, 3)).apply({"params": variables["params"]["Conv_0"]}, x)))
    np.testing.assert_allclose(
        found["moving"]["mean"], np.mean([x.mean((0, 1, 2)) for x in inside], 0), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(found["moving"]["var"], np.mean([x.var((0, 1, 2)) for x in inside], 0), rtol=1e-4)


def test_the_model_of_a_run_is_the_mean_of_its_weights(tmp_path):
    config = smoke_config()
    small(config)
    config.optimizer.name, config.model.freeze, config.epochs = "schedule_free_adamw", "none", 2
    fit(config, tmp_path / "run")
    state = state_arrays(tmp_path / "run")
    trained = {
        path.removeprefix("trainable/"): leaf for path, leaf in state["optimizer"].items() if "trainable/" in path
    }
    z = {path.rpartition("/z/")[2]: leaf for path, leaf in state["optimizer"].items() if "/z/" in path}
    assert trained.keys() == z.keys()
    for path, leaf in trained.items():
        mean = (leaf - 0.1 * z[path]) / 0.9
        np.testing.assert_allclose(state["model"][f"params/{path}"], mean, rtol=1e-5, atol=1e-7)
    moving = [path for path in state["optimizer"] if path.startswith("batch_stats/")]
    assert moving and all((state["model"][path] != state["optimizer"][path]).any() for path in moving)


@pytest.mark.parametrize(
    ("section", "key", "value", "words"),
    [
        ("plateau", "patience", 2, "averages over its steps and keeps one learning rate; give 5"),
        ("schedule", "name", "cosine", "averages over its steps and keeps one learning rate; give constant"),
        ("optimizer", "layer_decay", 0.5, "keeps one learning rate for all layers"),
        ("optimizer", "ema", 0.9, "averages the weights itself"),
    ],
)
def test_what_changes_the_rate_is_refused(section, key, value, words, tmp_path):
    config = smoke_config()
    small(config)
    config.optimizer.name = "schedule_free_adamw"
    config[section][key] = value
    with pytest.raises(UsageError, match=rf"--config\.{section}\.{key}={value}: schedule_free_adamw {words}"):
        fit(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_adam_has_no_weight_decay(tmp_path):
    config = smoke_config()
    config.optimizer.name, config.optimizer.weight_decay = "adam", 0.1
    with pytest.raises(UsageError, match=r"optimizer\.weight_decay=0\.1: adam has no weight decay; adamw has one"):
        fit(config, tmp_path / "run")
