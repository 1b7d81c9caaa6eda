"""The photographs of a run: which they are, their parts, and their pixels."""

from collections import Counter
from dataclasses import replace
from typing import Any

from flowers_jax import augment
from flowers_jax.config_types import Config
from flowers_jax.data import memory, sources, split
from flowers_jax.data.checks.groups import check_parts
from flowers_jax.data.checks.review import check_trainable, review
from flowers_jax.data.dataset import Dataset, Example, identity
from flowers_jax.data.loader import SplitArrays, in_order
from flowers_jax.data.shared import decode_split
from flowers_jax.errors import UsageError
from flowers_jax.preprocessing import Preprocessing, channel_statistics
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.phases import Phase
from flowers_jax.training.unread import only_defaults


def load_dataset(config: Config, run: RunDirectory, begun: bool, given: Dataset | None = None) -> Dataset:
    """The examples with their splits; a started run keeps its `splits.csv` and the data set that `auto` chose.

    Args:
        given: an object of Python in place of what `config.data` names.

    Raises:
        UsageError: there are no photographs, or `config.data` asks for a split that is not possible.
    """
    if begun:
        return _of_run(config, run, given)
    dataset = review(given or sources.load(config))
    try:
        check_trainable(dataset)
        check_parts(dataset)
    except UsageError as error:
        raise UsageError(f"{sources.flag(config.data)}: {error}") from error
    return _divided(config, dataset)


def _of_run(config: Config, run: RunDirectory, given: Dataset | None) -> Dataset:
    """The photographs that the run began with. Newer copies of them are listed, and remove none of them."""
    description = run.read_model()
    chosen = description["dataset"]
    found = given or sources.load(config, chosen["name"])
    reviewed = review(found)
    found = replace(found, skipped=reviewed.skipped, remarks=reviewed.remarks)
    return replace(run.apply_splits(found, description["classes"]), reason=chosen["reason"])


def _divided(config: Config, dataset: Dataset) -> Dataset:
    if any(example.split == "validation" for example in dataset.examples):
        only_defaults(
            config, ("data.split", "data.seed"), "changes nothing of photographs with a validation part of their own"
        )
    fractions, folds, fold = _fractions(config, dataset), config.data.folds, config.data.fold
    seed = config.seed if config.data.seed < 0 else config.data.seed
    if folds:
        examples = split.assign_fold(dataset.examples, folds, fold, fractions, seed)
    else:
        examples = split.assign(dataset.examples, fractions, seed)
    return replace(dataset, examples=tuple(sorted(examples, key=_order)))


def describe(dataset: Dataset) -> dict[str, Any]:
    """What `model.json` says of the photographs."""
    return {"name": dataset.name, "reason": dataset.reason} | identity(dataset)


def _order(example: Example) -> tuple[str, int, str]:
    """The order of a run, which does not depend on how the photographs were delivered: a folder, a table, arrays."""
    return example.pixels, example.label, example.path


def _fractions(config: Config, dataset: Dataset) -> tuple[float, ...]:
    """The source's own split, unless the user has set `data.split`."""
    default = Config().data.split
    return dataset.fractions if dataset.fractions and config.data.split == default else config.data.split


def class_weights(config: Config, dataset: Dataset) -> tuple[float, ...]:
    """The factors of `config.loss.class_weights` in the order of the classes; () where all are 1.

    `balanced` is scikit-learn's: photographs / (classes * photographs of the class), of the training part.

    Raises:
        UsageError: there are more or fewer numbers than classes.
    """
    text, classes = config.loss.class_weights, len(dataset.classes)
    if text == "none":
        return ()
    if text == "balanced":
        counts = Counter(example.label for example in dataset.examples if example.split == "train")
        return tuple(counts.total() / (classes * counts[label]) if counts[label] else 1.0 for label in range(classes))
    weights = tuple(map(float, text.split(",")))
    if len(weights) != classes:
        raise UsageError(
            f"--config.loss.class_weights={text}: has {len(weights)} numbers, and there are {classes} classes: "
            f"{', '.join(dataset.classes)}"
        )
    return weights


def steps_per_epoch(config: Config, dataset: Dataset) -> int:
    """The number of batches; the last one may be filled with masked rows."""
    return -(-sum(example.split == "train" for example in dataset.examples) // config.batch_size)


def decoded_size(config: Config, dataset: Dataset, preprocessing: Preprocessing, phases: tuple[Phase, ...]) -> int:
    """Bytes of the decoded photographs that are used at once: all parts, or the largest if all phases use features."""
    counts = Counter(example.split for example in dataset.examples)
    side = dict.fromkeys(split.SPLITS, preprocessing.size)
    features_only = all(phase.on_features for phase in phases)
    if not features_only or config.transfer.views > 1:  # including the margins for random crops
        side["train"] = augment.stored(preprocessing, augment.from_config(config)).size
    sizes = [memory.decoded_size(counts[part], side[part]) for part in split.SPLITS]
    return max(sizes) if features_only else sum(sizes)


def measured(config: Config, dataset: Dataset, preprocessing: Preprocessing) -> Preprocessing:
    """With mean and standard deviation of the training part, if `config.data.normalize` is `featurewise`."""
    if config.data.normalize != "featurewise":
        return preprocessing
    part = split_arrays(config, dataset, "train", preprocessing)
    images = (image for batch in in_order(part, config.batch_size) for image in batch["image"][batch["mask"]])
    mean, std = channel_statistics(images)
    return replace(preprocessing, mean=mean, std=std)


def split_arrays(config: Config, dataset: Dataset, split: str, preprocessing: Preprocessing) -> SplitArrays:
    """`decode_split` with the settings of `config.data`."""
    data = config.data
    return decode_split(
        dataset, split, preprocessing, max_pixels=data.max_pixels, cache=data.cache, workers=data.workers
    )  # fmt: skip
