"""Imports TensorFlow only when it is used, and keeps it off the accelerator that JAX needs."""

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any

from flowers_jax.runtime import process

_AT_IMPORT = {
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # TensorFlow computes nothing here, and oneDNN prints a notice
}
"""TensorFlow reads both once, while it is imported."""


def tensorflow() -> Any:
    """The module `tensorflow`, which sees no GPU in this process and prints no start-up messages."""
    with process.unchanged_by_imports(), _in_environment(_AT_IMPORT):
        tf = importlib.import_module("tensorflow")
        tf.config.set_visible_devices([], "GPU")
    return tf


def tensorflow_datasets() -> Any:
    """The module `tensorflow_datasets`."""
    tensorflow()
    with process.unchanged_by_imports():
        return importlib.import_module("tensorflow_datasets")


def tensorflow_lite_convert() -> Any:
    """The module `tensorflow.lite.python.convert`, which has more than `tf.lite` names."""
    tensorflow()
    with process.unchanged_by_imports():
        return importlib.import_module("tensorflow.lite.python.convert")


@contextlib.contextmanager
def _in_environment(values: dict[str, str]) -> Iterator[None]:
    """Add `values` to the environment, except those that the user has set."""
    added = values.keys() - os.environ.keys()
    os.environ |= {name: values[name] for name in added}
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
