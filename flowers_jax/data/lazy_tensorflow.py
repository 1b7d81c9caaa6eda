"""TensorFlow, imported where it is used and nowhere else, and kept off the accelerator that JAX needs."""

import importlib
import os
from typing import Any


def tensorflow() -> Any:
    """The module `tensorflow`, which sees no GPU and prints no start-up messages."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # nothing is computed there, and it prints a notice
    tf = importlib.import_module("tensorflow")
    tf.config.set_visible_devices([], "GPU")
    return tf


def tensorflow_datasets() -> Any:
    """The module `tensorflow_datasets`."""
    tensorflow()
    return importlib.import_module("tensorflow_datasets")
