"""Features of a frozen backbone, computed once for each photograph and view, and kept on disk.

The name of a file is a hash of everything that determines its content: the parameters and statistics of the backbone,
its settings, the preprocessing and augmentation, the bytes of the photographs, and the versions of Pillow, JAX and the
package's own code.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
import PIL
from jaxtyping import Array, Float32, Int

from flowers_jax import outside
from flowers_jax.augment import Augment, augment_images, stored
from flowers_jax.config_types import Config
from flowers_jax.data import decode
from flowers_jax.data.dataset import Dataset, Example
from flowers_jax.data.loader import SplitArrays, in_order
from flowers_jax.evaluation.predict import Variables, few_at_once
from flowers_jax.models.groups import without_head
from flowers_jax.models.layers import at_least_float32
from flowers_jax.models.registry import ModelSpec
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.runtime import parallel, processes
from flowers_jax.runtime.progress import Bar
from flowers_jax.storage import fetch, kept, source
from flowers_jax.training.photographs import split_arrays
from flowers_jax.training.step import named_key
from flowers_jax.types import Devices

Features = Float32[np.ndarray, "examples features"]


class View(NamedTuple):
    """One version of every photograph of a part.

    Attributes:
        augment: at its defaults the view is the input of evaluation.
        number: distinguishes draws of the same augmentation.
        mirrored: the view is the mirror image.
    """

    augment: Augment = Augment()
    number: int = 0
    mirrored: bool = False


def training_views(config: Config, augment: Augment) -> list[View]:
    """The input of evaluation, and draws of the augmentation without mixing: `config.transfer.views` in total."""
    return [View(), *(View(augment, number) for number in range(1, config.transfer.views))]


def evaluation_views(config: Config) -> list[View]:
    """The photograph, and its mirror image if `config.evaluation.flip` is set."""
    return [View(), View(mirrored=True)] if config.evaluation.flip else [View()]


class FeatureCache:
    """Computes and keeps the features of one data set with one backbone."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        spec: ModelSpec,
        module: nn.Module,
        variables: Variables,
        preprocessing: Preprocessing,
        devices: Devices,
    ):
        self.config, self.dataset, self.spec, self.module = config, dataset, spec, module
        self.preprocessing, self.devices = preprocessing, devices
        # One compiled program per augmentation serves every part, mirrored or not.
        self._extractor = functools.cache(partial(_make_extractor, spec, module, preprocessing, devices, config.seed))
        # The views of one part are computed one after the other, and most use the same pixels.
        self._decoded = _cache_last(partial(split_arrays, config, dataset))
        self.variables = {name: without_head(spec.groups, tree) for name, tree in variables.items()}

    def part(self, split: str, view: View) -> SplitArrays:
        """float32 [N, F] and the labels of `train`, `validation` or `test`."""
        labels = np.array([example.label for example in self._examples(split)], np.int32)
        file = self._file(split, view)
        features = kept.read(file)
        if processes.largest(features is None) or features is None:  # all compute, or none does
            features = self._compute(split, view)
            kept.write(file, features)
        return SplitArrays(features, labels)

    def kept(self, split: str, view: View) -> Features | None:
        """The features of `part` from the cache; None if they are not there."""
        return kept.read(self._file(split, view))

    def _compute(self, split: str, view: View) -> Features:
        part = self._decoded(split, stored(self.preprocessing, view.augment))
        extract = self._extractor(view.augment)
        size, total, rows = self.config.batch_size, len(part.labels), []
        own = parallel.own_rows(self.devices, size)
        with Bar(f"features of {split}", total) as bar:
            for number, batch in enumerate(in_order(part, size, own)):
                images = batch["image"][:, :, ::-1] if view.mirrored else batch["image"]
                indices = np.arange(number * size, (number + 1) * size, dtype=np.int32)[own]
                rows.append(extract(self._placed, images, indices, np.int32(view.number)))
                bar.advance(min(size, total - number * size))
        return np.concatenate(rows)[:total]

    @cached_property
    def _placed(self) -> Variables:
        return parallel.replicate(self.variables, self.devices)

    @cached_property
    def _weights(self) -> str:
        """SHA-256 of the backbone's parameters and statistics."""
        digest = hashlib.sha256()
        for path, leaf in jax.tree_util.tree_leaves_with_path(self.variables):
            digest.update(jax.tree_util.keystr(path).encode() + np.asarray(leaf).tobytes())
        return digest.hexdigest()

    def _examples(self, split: str) -> list[Example]:
        return [example for example in self.dataset.examples if example.split == split]

    def _file(self, split: str, view: View) -> Path:
        draw = f"{view.number} of seed {self.config.seed}" if view.number else ""
        recipe = [
            self._weights, *_network(self.config, self.spec, self.module), jax.__version__, jax.default_backend(),
            repr(self.preprocessing), repr(view.augment), str(view.mirrored), draw, PIL.__version__,
            source.sha256(*SOURCE), *(example.sha256 for example in self._examples(split)),
        ]  # fmt: skip
        return fetch.cache_dir() / "features" / f"{hashlib.sha256(json.dumps(recipe).encode()).hexdigest()}.npz"


def _cache_last(decoded: Callable[..., SplitArrays]) -> Callable[..., SplitArrays]:
    """`decoded` with a cache of one result, which is freed before the next one is computed (`lru_cache` keeps both)."""
    last: dict[Any, SplitArrays] = {}

    def keeping(*arguments: Any) -> SplitArrays:
        if arguments not in last:
            last.clear()
            last[arguments] = decoded(*arguments)
        return last[arguments]

    return keeping


SOURCE = (
    *decode.SOURCE, "augment", "models", "ops", "preprocessing.py", "evaluation/predict.py", "training/features.py",
)  # fmt: skip
"""The modules that determine the features, for `flowers_jax.storage.source`."""

HEADS_OWN = ("num_classes", "dropout", "axis_name", "parent", "name")
"""Fields of modules that do not change the features."""


def _network(config: Config, spec: ModelSpec, module: nn.Module) -> list[str]:
    """What the backbone computes: the model, the fields of its module, and the code of a model outside the package."""
    names = [field.name for field in dataclasses.fields(module) if field.name not in HEADS_OWN]
    code = outside.sha256(config.model.name) if outside.is_outside(config.model.name) else ""
    return [spec.name, code, *(f"{name}={getattr(module, name)!r}" for name in names)]


def _make_extractor(
    spec: ModelSpec, module: nn.Module, preprocessing: Preprocessing, devices: Devices, seed: int, augment: Augment
) -> Callable[[Variables, np.ndarray, np.ndarray, np.int32], Features]:
    """`extract(variables, images [B, S, S, 3], indices [B], view) -> [B, F]` on the host.

    Of several processes each gives its rows and has the features of the whole batch.
    """
    split = spec.features
    if split is None:
        raise ValueError(f"{spec.name} has no features before its head")

    def step(placed: tuple[Variables, Int[Array, ""]], batch: tuple[Array, Int[Array, " batch"]]) -> Array:
        (variables, view), (images, indices) = placed, batch
        key = jax.random.fold_in(named_key(seed, "views"), view)
        keys = jax.vmap(partial(jax.random.fold_in, key))(indices)

        def features(few: Array) -> Array:
            return at_least_float32(split.features(module, variables, preprocessing.normalize(few)))

        return few_at_once(features, augment_images(keys, images, augment, preprocessing))

    mapped = parallel.map_predict(step, devices)

    def extract(variables: Variables, images: np.ndarray, indices: np.ndarray, view: np.int32) -> Features:
        outputs = jax.device_get(mapped((variables, view), parallel.host_shards((images, indices), devices)))
        return outputs.reshape(-1, outputs.shape[-1])

    return extract
