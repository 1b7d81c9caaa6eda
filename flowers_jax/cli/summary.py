"""Print the layers of the model of a config: output shape, parameters, multiply-adds.

python scripts/summary.py --config=configs/NAME.py [--classes=5] [--config.key=value ...]
"""

import argparse
from collections.abc import Sequence

from flowers_jax import models
from flowers_jax.cli.flags import config_parser, parse_config
from flowers_jax.errors import UsageError
from flowers_jax.models import summary
from flowers_jax.models.groups import frozen_paths
from flowers_jax.training import setup
from flowers_jax.training.checks import check_model


def make_parser() -> argparse.ArgumentParser:
    flags = config_parser(__doc__)
    flags.add_argument("--classes", type=int, default=5, help="how many the head tells apart (default: 5)")
    return flags


def main(argv: Sequence[str]) -> None:
    config, args = parse_config(make_parser(), argv)
    if args.classes < 2:
        raise UsageError(f"--classes={args.classes}: must be at least 2")
    check_model(config)
    spec = models.find(config.model.name)
    module = spec.module(args.classes, **setup.module_fields(config, spec))
    size = config.data.image_size
    print(f"{config.model.name}, {size}x{size}x3 -> {args.classes} classes\n")
    print(summary.text(summary.layers(module, size), frozen_paths(spec.groups, config.model.freeze)))
