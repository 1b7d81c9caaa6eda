"""A run that nothing interrupted, and a way to interrupt one."""

import signal
from collections.abc import Callable

import numpy as np
import pytest
import safetensors.numpy
from flax import traverse_util
from ml_collections import ConfigDict

from flowers_jax.models import mobilenet_v2
from flowers_jax.models.mobilenet_v2.tensor_names import TORCHVISION, export_variables
from flowers_jax.training.loop import Trainer, fit
from tests.conftest import smoke_config
from tests.training import networks


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run of the smoke config that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    fit(smoke_config(), workdir)
    return workdir


@pytest.fixture(scope="session", params=["small", pytest.param("mobilenet_v2", marks=pytest.mark.slow)])
def network(request, tmp_path_factory) -> Callable[[ConfigDict], None]:
    """Gives a config the network that transfer is tested on."""
    if request.param == "small":
        return networks.small
    weights = weights_of_mobilenet(tmp_path_factory.mktemp("weights") / "small.safetensors")

    def mobilenet(config: ConfigDict) -> None:
        config.model.name, config.model.options.alpha, config.model.weights = "mobilenet_v2", 0.35, str(weights)

    return mobilenet


@pytest.fixture
def on_features(network):
    """A head alone on the features of plain photographs, six steps an epoch."""
    config = smoke_config()
    network(config)
    config.data.image_size, config.model.freeze, config.transfer.views = 32, "backbone", 1
    return config


@pytest.fixture
def stop_after(monkeypatch):
    """Deliver a real signal to this process when so many steps of a run are done."""

    def arm(steps: int, signum: int = signal.SIGTERM) -> None:
        done = iter(range(1, 10**6))
        add = Trainer._add

        def counting(self, *args):
            add(self, *args)
            if next(done) == steps:
                signal.raise_signal(signum)

        monkeypatch.setattr(Trainer, "_add", counting)

    return arm


def weights_of_mobilenet(path):
    """A weights file of a MobileNetV2 of width 0.35 under torchvision's names, whose features tell images apart.

    Initial weights with scales of 1.5: with 1 each layer tells them apart less than the one before, until nothing that
    is done to an image shows in its features.
    """
    variables = mobilenet_v2.load("none", alpha=0.35).variables
    params = traverse_util.flatten_dict(variables["params"], sep="/")
    params = {path: 1.5 * leaf if path.endswith("scale") else leaf for path, leaf in params.items()}
    tensors = export_variables(variables | {"params": traverse_util.unflatten_dict(params, sep="/")}, TORCHVISION)
    safetensors.numpy.save_file({name: np.ascontiguousarray(leaf, np.float32) for name, leaf in tensors.items()}, path)
    return path
