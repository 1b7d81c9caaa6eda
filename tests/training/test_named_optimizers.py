"""Every named optimizer trains, resumes to the bit and leaves frozen layers alone."""

import pytest

from flowers_jax import config as config_lib
from flowers_jax import optimizers
from flowers_jax.errors import Interrupted
from flowers_jax.training.loop import fit
from tests.conftest import smoke_config
from tests.training.networks import LAYERS, small
from tests.training.runs import rows, state_arrays, state_bytes, timeless

RATES = {"sgd": 0.03, "lion": 3e-4, "muon": 0.01, "lamb": 0.01}
FROZEN = ("stem", "stage_1")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("sgd", "schedule_free_adamw") else pytest.mark.wings)
        for name in optimizers.OPTIMIZERS
    ],
)
def test_it_trains_resumes_to_the_bit_and_leaves_frozen_layers_alone(name, tmp_path, stop_after):
    config = smoke_config()
    small(config)
    config.model.freeze, config.checkpoint.keep = FROZEN[-1], 99
    config.optimizer.name, config.learning_rate, config.optimizer.clip_norm = name, RATES.get(name, 3e-3), 1.0
    if optimizers.find(name).decays:
        config.optimizer.weight_decay = 0.01
    fit(config, tmp_path / "whole")
    losses = [float(row["train_loss"]) for row in rows(tmp_path / "whole")]
    assert losses[-1] < losses[0]
    stop_after(9)
    with pytest.raises(Interrupted):
        fit(config, tmp_path / "cut")
    first = state_arrays(tmp_path / "cut")["model"]
    fit(config, tmp_path / "cut")
    assert timeless(tmp_path / "whole") == timeless(tmp_path / "cut")
    assert state_bytes(tmp_path / "whole") == state_bytes(tmp_path / "cut")
    last = state_arrays(tmp_path / "whole")
    for path, leaf in first.items():
        frozen = any(layer in path for layer in FROZEN)
        assert (leaf.tobytes() == last["model"][path].tobytes()) == frozen, path
    assert not any(layer in path for layer in FROZEN for path in last["optimizer"] if "batch_stats" not in path)
    assert any(layer in path for layer in LAYERS for path in last["optimizer"])


def test_help_names_every_optimizer():
    help_of = config_lib.described()["optimizer.name"].help
    assert help_of.startswith("|".join(optimizers.OPTIMIZERS) + ", or MODULE:NAME")
