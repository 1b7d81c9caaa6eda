"""Checks that a config fits its model, and that a model can be trained."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import optax
from flax import traverse_util
from flax.linen.module import InterceptorContext

from flowers_jax import config as config_lib
from flowers_jax import models
from flowers_jax.augment.compose import WHOLE
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError
from flowers_jax.models.features import check_split
from flowers_jax.models.freezing import held
from flowers_jax.models.groups import check_groups, freezes, is_head
from flowers_jax.models.initial import shapes
from flowers_jax.models.registry import ModelSpec
from flowers_jax.models.weights import pretrained
from flowers_jax.optimizers import Optimizer, find
from flowers_jax.outside import is_outside
from flowers_jax.runtime import parallel
from flowers_jax.training.phases import Phase
from flowers_jax.training.state import Tree
from flowers_jax.training.unread import only_defaults

OF_A_BACKBONE = ("transfer.epochs", "transfer.views", "transfer.learning_rate", "optimizer.layer_decay")
"""Keys that have an effect only if the model has a backbone."""


def check_model(config: Config) -> None:
    """Check that the model and the data support the settings of the config.

    Raises:
        UsageError: names the key, its value, and what would be right.
    """
    spec, size = models.find(config.model.name), config.data.image_size
    _check_crop(config, spec)
    if config.data.folds and config.data.fold > config.data.folds:
        raise UsageError(f"--config.data.fold={config.data.fold}: there are {config.data.folds} folds")
    for key, pixels in (("data.image_size", size), ("augment.crop_size", config.augment.crop_size)):
        if 0 < pixels < spec.smallest_size:
            raise UsageError(f"--config.{key}={pixels}: {spec.name} needs at least {spec.smallest_size}")
    _check_weights(config, spec)
    _check_freeze(config, spec)
    _check_fields(config, spec)
    if len(spec.groups) > 1:
        _check_transfer(config, spec)
    else:
        only_defaults(config, OF_A_BACKBONE, f"{spec.name} has no backbone")


def _check_weights(config: Config, spec: ModelSpec) -> None:
    weights = config.model.weights
    if spec.weights:
        pretrained.check_name(spec.weights, weights)  # before the data are read, which may take long
        return
    if weights not in ("auto", "none"):
        raise UsageError(f"--config.model.weights={weights}: {spec.name} has no pretrained weights; give none")
    only_defaults(config, ("model.batch_norm",), f"{spec.name} has no pretrained weights with stored statistics")


def _check_freeze(config: Config, spec: ModelSpec) -> None:
    freeze, known = config.model.freeze, freezes(spec.groups)
    if known == ("none",) and freeze != "none":
        raise UsageError(
            f"--config.model.freeze={freeze}: {spec.name} has no backbone; give --config.model.freeze=none"
        )
    if freeze not in known:
        raise UsageError(f"--config.model.freeze={freeze}: must be one of {', '.join(known)}")


def _check_fields(config: Config, spec: ModelSpec) -> None:
    """Settings that are fields of the module need a module with these fields."""
    for key in ("dropout", "convolution"):
        if not spec.takes(key):
            only_defaults(config, (f"model.{key}",), f"{spec.name} has no field {key}")
    if not spec.takes("dtype") and config.precision == "bfloat16":
        raise UsageError(
            f"--config.precision=bfloat16: {spec.name} has no field dtype, so it computes in float32; give auto"
        )


def check_optimizer(config: Config, given: Optimizer | optax.GradientTransformation | None = None) -> None:
    """Check that the optimizer has an effect for the settings beside it.

    Args:
        given: an object of Python in place of the name `config.optimizer.name`.

    Raises:
        UsageError: it takes no weight decay, or averages over its steps and wants a constant rate.
    """
    if given is not None and not isinstance(given, Optimizer):
        only_defaults(config, ("optimizer.weight_decay",), "the optimizer that fit was given has one of its own")
        return
    optimizer = given or find(config.optimizer.name)
    if not optimizer.decays:
        only_defaults(config, ("optimizer.weight_decay",), f"{optimizer.name} has no weight decay; adamw has one")
    if optimizer.eval_params:
        keys = [key for key in config_lib.KEYS if key.startswith(("plateau.", "schedule."))]
        only_defaults(config, keys, f"{optimizer.name} averages over its steps and keeps one learning rate")
        layers = ("optimizer.head_multiplier", "optimizer.layer_decay")
        only_defaults(config, layers, f"{optimizer.name} keeps one learning rate for all layers")
        only_defaults(config, ("optimizer.ema",), f"{optimizer.name} averages the weights itself")


def check_parameters(
    config: Config, spec: ModelSpec, module: nn.Module, phases: Sequence[Phase], variables: Tree, size: int
) -> None:
    """Check that the `ModelSpec` describes the parameters of the model.

    Raises:
        UsageError: `optimizer.head_multiplier` applies to no parameter, a parameter belongs to no group, or the head
            computes other logits from the features than the whole model.
    """
    params = variables["params"]
    check_groups(config.model.name, spec.groups, params)
    if not any(is_head(spec.groups, path) for path in traverse_util.flatten_dict(params, sep="/")):
        only_defaults(
            config,
            ["optimizer.head_multiplier"],
            f"no parameter of {config.model.name} has a name that begins with {spec.groups[-1].layers[-1]}",
        )
    if spec.features and is_outside(config.model.name) and any(phase.on_features for phase in phases):
        check_split(config.model.name, spec.features, spec.groups, module, variables, size)


def _check_crop(config: Config, spec: ModelSpec) -> None:
    """A training size that differs from the test size needs a random crop, and a model that accepts any size."""
    flag = f"--config.augment.crop_size={config.augment.crop_size}"
    if not config.augment.crop_size:
        return
    if config.augment.crop_scale == WHOLE:
        raise UsageError(f"{flag}: nothing is cropped; give 0, or --config.augment.crop_scale=0.35,1")
    if fixed := spec.fixed_size(config.model.options):
        raise UsageError(f"{flag}: {fixed} takes only images of --config.data.image_size; give 0")


def _check_transfer(config: Config, spec: ModelSpec) -> None:
    """Check that the settings of `config.transfer` are possible."""
    transfer, frozen = config.transfer, config.model.freeze == "backbone"
    if not spec.features:
        only_defaults(config, ("transfer.views",), f"{spec.name} gives no features before its head")
    if transfer.epochs and frozen:
        raise UsageError(
            f"--config.transfer.epochs={transfer.epochs}: with --config.model.freeze=backbone the head trains alone "
            "all along; give 0, or another freeze"
        )
    if frozen and transfer.views:
        for key in ("mixup", "cutmix"):
            if value := getattr(config.augment, key):
                raise UsageError(
                    f"--config.augment.{key}={value}: features that are computed once are not mixed; "
                    "give 0, or --config.transfer.views=0"
                )
    if transfer.views and not (transfer.epochs or frozen):
        raise UsageError(
            f"--config.transfer.views={transfer.views}: the backbone trains, so its features change; "
            "give 0, --config.model.freeze=backbone, or --config.transfer.epochs"
        )


def check_norms(name: str, phases: Sequence[Phase], module: nn.Module, size: int, devices: int) -> None:
    """On several devices Flax's BatchNorm computes statistics of the whole batch only if it has the axis name.

    Raises:
        UsageError: each device would train a different model.
    """
    if devices == 1:
        return
    for phase in phases:
        with held(phase.frozen, phase.batch_norm):
            alone = _norms_without_axis(module, size)
        if alone:
            raise UsageError(
                f"--config.model.name={name}: its nn.BatchNorm {alone[0]} has no axis_name, so each of the {devices} "
                f"devices would keep statistics of its own; give it axis_name={parallel.AXIS!r}, or --config.devices=1"
            )


def _norms_without_axis(module: nn.Module, size: int) -> list[str]:
    """The paths of each `nn.BatchNorm` without an axis that uses the statistics of the batch in training."""
    alone: list[str] = []

    def record(call: Any, args: Any, kwargs: Any, context: InterceptorContext) -> Any:
        norm = context.module
        if isinstance(norm, nn.BatchNorm) and norm.axis_name is None and context.method_name == "__call__":
            stored = kwargs.get("use_running_average", args[1] if len(args) > 1 else None)
            if not (norm.use_running_average if stored is None else stored):
                alone.append("/".join(norm.path))
        return call(*args, **kwargs)

    with nn.intercept_methods(record):
        shapes(module, size, train=True)
    return alone
