"""A trained model as the bytes of a TFLite file, converted by TensorFlow from the program of JAX."""

from typing import Any

from flowers_jax.data.lazy_tensorflow import tensorflow
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.export.function import with_weights
from flowers_jax.runtime import notices


def convert(model: TrainedModel, pixels: Any) -> bytes:
    """The function of the model from one image [1, S, S, 3] to probabilities, float32 [1, classes].

    A file of any batch would be twenty times slower. TFLite's optimizer folds BatchNorm into the convolutions.

    Args:
        pixels: the type of the input, uint8 or float32; both have values of 0 to 255.
    """
    tf = tensorflow()
    from jax.experimental import jax2tf  # which imports TensorFlow

    size = model.preprocessing.size
    call = jax2tf.convert(with_weights(model, "xla"), with_gradient=False, native_serialization_platforms=("cpu",))
    images = tf.TensorSpec([1, size, size, 3], pixels, "images")
    module: Any = tf.Module()
    module.call = tf.function(call, autograph=False, input_signature=[images])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module)
    with notices.hidden():
        return converter.convert()
