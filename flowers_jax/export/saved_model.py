"""SavedModel, a folder for TensorFlow and TensorFlow Serving, which need neither JAX nor this package.

Its signatures are `images` (decoded, any number) and `jpegs` (the bytes of JPEG files, any number and any sizes). The
description is in `assets.extra/description.json`.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import jax

from flowers_jax.data.lazy_tensorflow import tensorflow
from flowers_jax.errors import UsageError, first_line
from flowers_jax.export.description import describe
from flowers_jax.export.function import function_of
from flowers_jax.export.registry import Artifact, Exported, Exporter, register
from flowers_jax.preprocessing import Preprocessing

PLATFORMS = ("cpu", "cuda", "tpu")
DESCRIPTION = "assets.extra/description.json"
KERNELS = {"bilinear": "triangle", "bicubic": "keyscubic"}
"""TensorFlow's names of Pillow's filters."""


def write(exported: Exported, path: Path) -> None:
    """The folder; the weights are variables in it, because constants would be written twice."""
    tf = tensorflow()
    from jax.experimental import jax2tf  # which imports TensorFlow

    model, size = exported.model, exported.model.preprocessing.size
    call = jax2tf.convert(
        function_of(model, "auto"),
        polymorphic_shapes=[None, f"(batch, {size}, {size}, 3)"],
        with_gradient=False,
        native_serialization_platforms=PLATFORMS,
    )
    module: Any = tf.Module()
    module.variables_by_name = jax.tree.map(tf.Variable, jax.device_get(model.variables))

    @partial(tf.function, autograph=False, input_signature=[tf.TensorSpec([None, size, size, 3], tf.uint8, "images")])
    def images(images: Any) -> Any:
        return {"probabilities": call(module.variables_by_name, images)}

    @partial(tf.function, autograph=False, input_signature=[tf.TensorSpec([None], tf.string, "jpegs")])
    def jpegs(jpegs: Any) -> Any:
        pixels = tf.map_fn(partial(_decode, model.preprocessing), jpegs, fn_output_signature=tf.uint8)
        return images(tf.ensure_shape(pixels, [None, size, size, 3]))

    module.images, module.jpegs = images, jpegs
    signatures = {"serving_default": images, "images": images, "jpegs": jpegs}
    try:
        tf.saved_model.save(module, str(path), signatures)
    except tf.errors.OpError as error:  # TensorFlow's own, where the disk is full
        raise OSError(f"{path.name}: cannot be written ({first_line(error)})") from error
    described = path / DESCRIPTION
    described.parent.mkdir()
    described.write_text(json.dumps(describe(model), indent=2) + "\n", "utf-8")


def read(path: Path) -> Artifact:
    """
    Raises:
        UsageError: it is not such a folder.
    """
    tf = tensorflow()
    try:
        description = json.loads((path / DESCRIPTION).read_text("utf-8"))
        loaded = tf.saved_model.load(str(path))
        images = loaded.signatures["images"]
    except Exception as error:  # a damaged folder fails in the parser of another package, in any way
        raise UsageError(f"{path}: not a SavedModel of export.py ({first_line(error)})") from error
    return Artifact(description, lambda pixels: images(images=tf.constant(pixels))["probabilities"].numpy())


def _decode(preprocessing: Preprocessing, jpeg: Any) -> Any:
    """The bytes of one JPEG -> uint8 [S, S, 3], resized as `data.decode.decode_for` does; EXIF turns nothing."""
    tf, p = tensorflow(), preprocessing
    # The accurate transform: the fast one differs from Pillow's by up to 18 grey levels.
    pixels = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
    sides = tf.cast(tf.shape(pixels)[:2], tf.float32)
    box = sides if p.resize == "stretch" else tf.repeat(p.crop * tf.reduce_min(sides), 2)
    scale = p.size / box
    resized = tf.raw_ops.ScaleAndTranslate(
        images=pixels[None],
        size=[p.size, p.size],
        scale=scale,
        translation=-scale * (sides - box) / 2,
        kernel_type=KERNELS[p.interpolation],
        antialias=True,
    )
    return tf.cast(tf.clip_by_value(tf.round(resized[0]), 0, 255), tf.uint8)


register(Exporter("saved_model", ".saved_model", write, read))
