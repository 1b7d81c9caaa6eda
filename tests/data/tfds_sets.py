"""Small sets of TensorFlow Datasets, which tests prepare from photographs of their own."""

import functools
import io
from typing import Any

import numpy as np

from flowers_jax.data.lazy_tensorflow import tensorflow_datasets

CONTENT: dict[str, list[tuple[bytes, int]]] = {}
"""The photographs and the numbers of their classes, by split: what a set that is prepared now gets."""


@functools.cache
def drawn_flowers() -> type:
    """A set of three classes; its configs `plain` and `tensor` store encoded photographs, and pixels."""
    tfds = tensorflow_datasets()

    class DrawnFlowers(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.2.0")
        BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in ("plain", "tensor", "two", "none")]  # noqa: RUF012

        def _info(self) -> Any:
            classes = tfds.features.ClassLabel(names=["three_petals", "five_petals", "eight_petals"])
            image = tfds.features.Image()
            features = {
                "plain": {"image": image, "label": classes, "id": tfds.features.Text()},
                "tensor": {"pixels": tfds.features.Tensor(shape=(48, 48, 3), dtype=np.uint8), "label": classes},
                "two": {"image": image, "label": classes, "colour": tfds.features.ClassLabel(names=["a"])},
                "none": {"text": tfds.features.Text(), "label": classes},
            }[self.builder_config.name]
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, _: Any) -> Any:
            return {split: self._generate_examples(rows) for split, rows in CONTENT.items()}

        def _generate_examples(self, rows: Any) -> Any:
            from flowers_jax.data.decode import decode

            for number, (content, label) in enumerate(rows):
                if self.builder_config.name == "tensor":
                    yield number, {"pixels": decode(content), "label": label}
                else:
                    yield number, {"image": io.BytesIO(content), "label": label, "id": str(number)}

    return DrawnFlowers
