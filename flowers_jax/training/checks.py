"""Settings that do not go together: each value may be right by itself (`flowers_jax.config_rules`)."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.module import InterceptorContext

from flowers_jax.augment.compose import WHOLE
from flowers_jax.errors import UsageError
from flowers_jax.models.weights import pretrained
from flowers_jax.runtime import parallel
from flowers_jax.training.state import Tree
from flowers_jax.training.unread import only_defaults
from flowers_jax.types import Config

ONLY_MOBILENET_V2 = (
    "model.alpha", "model.head", "model.batch_norm", "model.dropout", "model.stochastic_depth", "model.output_stride",
    "transfer.epochs", "transfer.views", "transfer.learning_rate", "optimizer.layer_decay",
)  # fmt: skip


def check_model(config: Config) -> None:
    """What the model or the data do not have, they cannot be asked for."""
    _check_crop(config)
    name, weights = config.model.name, config.model.weights
    if config.data.folds and config.data.fold > config.data.folds:
        raise UsageError(f"--config.data.fold={config.data.fold}: there are {config.data.folds} folds")
    if name == "mobilenet_v2":
        if weights not in ("auto", "none", *(known.name for known in pretrained.KNOWN)):
            pretrained.named_file(weights)  # before the data, which may take a while
        for key, size in (("data.image_size", config.data.image_size), ("augment.crop_size", config.augment.crop_size)):
            if 0 < size < 32:
                raise UsageError(f"--config.{key}={size}: mobilenet_v2 needs at least 32")
        _check_transfer(config)
    elif config.model.freeze != "none":
        raise UsageError(
            f"--config.model.freeze={config.model.freeze}: {name} has no backbone; give --config.model.freeze=none"
        )
    elif weights not in ("auto", "none"):
        raise UsageError(f"--config.model.weights={weights}: {name} has no pretrained weights; give none")
    else:
        only_defaults(config, ONLY_MOBILENET_V2, "only mobilenet_v2 has it")


def check_head(config: Config, params: Tree) -> None:
    """`optimizer.head_multiplier` needs what it multiplies.

    Raises:
        UsageError: no parameter of the model begins with `head`.
    """
    if not any(name.startswith("head") for name in params):
        only_defaults(
            config,
            ["optimizer.head_multiplier"],
            f"no parameter of {config.model.name} has a name that begins with head",
        )


def _check_crop(config: Config) -> None:
    """Training at another size than testing takes a random crop, and a model that takes any size."""
    flag = f"--config.augment.crop_size={config.augment.crop_size}"
    if not config.augment.crop_size:
        return
    if config.augment.crop_scale == WHOLE:
        raise UsageError(f"{flag}: nothing is cropped; give 0, or --config.augment.crop_scale=0.35,1")
    for fixed in (config.model.name, config.model.head):
        if fixed in ("seed_cnn", "flatten256"):
            raise UsageError(f"{flag}: {fixed} takes only images of --config.data.image_size; give 0")


def _check_transfer(config: Config) -> None:
    """What `config.transfer` asks for must be able to happen."""
    transfer, frozen = config.transfer, config.model.freeze == "backbone"
    if transfer.epochs and frozen:
        raise UsageError(
            f"--config.transfer.epochs={transfer.epochs}: with --config.model.freeze=backbone the head trains alone "
            "all along; give 0, or another freeze"
        )
    if frozen and transfer.views:
        for key in ("mixup", "cutmix"):
            if config.augment[key]:
                raise UsageError(
                    f"--config.augment.{key}={config.augment[key]}: features that are computed once are not mixed; "
                    "give 0, or --config.transfer.views=0"
                )
    if transfer.views and not (transfer.epochs or frozen):
        raise UsageError(
            f"--config.transfer.views={transfer.views}: the backbone trains, so its features change; "
            "give 0, --config.model.freeze=backbone, or --config.transfer.epochs"
        )


def check_norms(name: str, module: nn.Module, size: int, devices: int) -> None:
    """On several devices Flax's BatchNorm takes the statistics of the whole batch only where it knows the axis.

    Raises:
        UsageError: each device would train a model of its own.
    """
    alone: list[str] = []

    def record(call: Any, args: Any, kwargs: Any, context: InterceptorContext) -> Any:
        norm = context.module
        if isinstance(norm, nn.BatchNorm) and norm.axis_name is None and context.method_name == "__call__":
            stored = kwargs.get("use_running_average", args[1] if len(args) > 1 else None)
            if not (norm.use_running_average if stored is None else stored):
                alone.append("/".join(norm.path))
        return call(*args, **kwargs)

    if devices > 1:
        key = jax.random.key(0)
        with nn.intercept_methods(record):
            jax.eval_shape(
                lambda x: module.init({"params": key, "dropout": key}, x, train=True), jnp.zeros((1, size, size, 3))
            )
    if alone:
        raise UsageError(
            f"--config.model.name={name}: its nn.BatchNorm {alone[0]} has no axis_name, so each of the {devices} "
            f"devices would keep statistics of its own; give it axis_name={parallel.AXIS!r}, or --config.devices=1"
        )
