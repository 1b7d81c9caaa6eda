"""The same networks in Keras on TensorFlow, with `compile`'s default settings, by XLA, or in mixed precision."""

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # it reads the environment when it is imported
import numpy as np
from keras import layers

from benchmarks import CLASSES, LEARNING_RATE, SIZES
from benchmarks.program import Program
from flowers_jax.models.efficientnet_lite import layout


def build(model: str, batch: int, jit: bool | str = "auto", policy: str = "float32") -> Program:
    """From float32 tensors that are there already.

    Args:
        jit: `jit_compile` of `compile`, whether XLA compiles the step.
        policy: of the layers, as `mixed_bfloat16`.
    """
    keras.config.set_dtype_policy(policy)
    network = NETWORKS[model](SIZES[model])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(LEARNING_RATE), loss, jit_compile=jit)
    images = np.random.default_rng(0).normal(size=(batch, SIZES[model], SIZES[model], 3)).astype(np.float32)
    x, y = keras.ops.convert_to_tensor(images), keras.ops.convert_to_tensor(np.arange(batch) % CLASSES)
    version = f"keras {keras.__version__} on {keras.backend.backend()}"
    device = "gpu" if "GPU" in str(getattr(x, "device", "")) else "cpu"
    dtype = keras.config.dtype_policy().compute_dtype
    return Program(lambda: network.train_on_batch(x, y), lambda: network.predict_on_batch(x), device, dtype, version)


def jit(model: str, batch: int) -> Program:
    return build(model, batch, True)


def amp(model: str, batch: int) -> Program:
    return build(model, batch, True, "mixed_bfloat16")


def mobilenet_v2(size: int, classes: int = CLASSES) -> keras.Model:
    """Keras's own, without weights."""
    application: Any = keras.applications.MobileNetV2  # annotated as if it could not do without weights
    backbone = application(weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3))
    return keras.Sequential([backbone, layers.Dense(classes)])


def seed_cnn(size: int) -> keras.Model:
    """As `models/seed_cnn.py`."""
    return keras.Sequential([
        keras.Input((size, size, 3)), layers.Conv2D(32, 3, 2, "same", activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(CLASSES),
    ])  # fmt: skip


def efficientnet_lite(size: int) -> keras.Model:
    """EfficientNet-Lite0, which Keras does not have, after `models/efficientnet_lite`."""

    def norm(x, activation=True):
        x = layers.BatchNormalization()(x)
        return layers.ReLU(6.0)(x) if activation else x

    def pointwise(x, channels, activation=True):
        return norm(layers.Conv2D(channels, 1, use_bias=False)(x), activation)

    inputs = keras.Input((size, size, 3))
    x = norm(layers.Conv2D(layout.STEM, 3, 2, "same", use_bias=False)(inputs))
    for block in layout.blocks(0):
        y = pointwise(x, x.shape[-1] * block.expansion) if block.expansion > 1 else x
        y = norm(layers.DepthwiseConv2D(block.kernel_size, block.stride, "same", use_bias=False)(y))
        y = pointwise(y, block.channels, activation=False)
        x = layers.Add()([x, y]) if x.shape == y.shape else y
    x = layers.GlobalAveragePooling2D()(pointwise(x, layout.LAST))
    return keras.Model(inputs, layers.Dense(CLASSES)(x))


def cnn(size: int) -> keras.Model:
    """As `models/cnn.py`."""

    def convolve(x, channels, kernel, stride=1, activation=True):
        x = layers.BatchNormalization()(layers.Conv2D(channels, kernel, stride, "same", use_bias=False)(x))
        return layers.ReLU()(x) if activation else x

    inputs = keras.Input((size, size, 3))
    x = layers.MaxPooling2D(3, 2, "same")(convolve(inputs, 32, 3, 2))
    for channels, stride in ((32, 1), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        y = convolve(convolve(x, channels, 3, stride), channels, 3, activation=False)
        shortcut = x if x.shape == y.shape else convolve(x, channels, 1, stride, activation=False)
        x = layers.ReLU()(layers.Add()([shortcut, y]))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x)))


NETWORKS = {"mobilenet_v2": mobilenet_v2, "efficientnet_lite": efficientnet_lite, "cnn": cnn, "seed_cnn": seed_cnn}
