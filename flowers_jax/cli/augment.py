"""Draw photographs with the augmentation of a config.

    python scripts/augment.py --config=configs/NAME.py PHOTOGRAPH... --out=grid.png [--config.augment.KEY=VALUE ...]

The first column is the input of evaluation, the others are draws of the augmentation as in training.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from flowers_jax import augment, models
from flowers_jax.cli.flags import config_parser, parse_config
from flowers_jax.config_types import Config
from flowers_jax.data.decode import DecodeError, decode, read_photograph
from flowers_jax.errors import UsageError
from flowers_jax.models.weights import pretrained
from flowers_jax.preprocessing import Preprocessing
from flowers_jax.report.augmentation import draw_grid


def make_parser() -> argparse.ArgumentParser:
    flags = config_parser(__doc__)
    flags.add_argument("photographs", nargs="+", metavar="PHOTOGRAPH", help="a row for each")
    flags.add_argument("--out", type=Path, required=True, metavar="FILE", help="the picture, a PNG")
    flags.add_argument("--views", type=int, default=6, help="how many draws (default: 6)")
    return flags


def main(argv: Sequence[str]) -> None:
    config, args = parse_config(make_parser(), argv)
    if not 1 <= args.views <= 50:
        raise UsageError(f"--views={args.views}: must be from 1 to 50")
    photographs = [_read(path, config.data.max_pixels) for path in args.photographs]
    grid = draw_grid(photographs, augment.from_config(config), _preprocessing(config), args.views, config.seed)
    try:
        grid.save(args.out, "PNG")
    except OSError as error:
        raise UsageError(f"--out={args.out}: cannot be written ({error.strerror or error})") from error
    print(f"wrote {args.out}")


def _preprocessing(config: Config) -> Preprocessing:
    """That of the model or its weights, as in training, but without the statistics that `featurewise` measures."""
    spec = models.find(config.model.name)
    own = spec.preprocessing
    if importer := spec.importer(config.model.weights):
        own = pretrained.expected_preprocessing(importer, config.model.weights, dict(config.model.options))
    return own.at(config.data.image_size, config.data.crop).normalized(config.data.normalize)


def _read(path: str, max_pixels: int) -> bytes:
    try:
        data = read_photograph(Path(path), max_pixels)
        decode(data, max_pixels=max_pixels)
    except (DecodeError, OSError) as error:
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    return data
