"""Train a classifier on photographs and say how good it is.

    python scripts/train.py --config=configs/mobilenet.py --config.data.dir=FOLDER

FOLDER holds a folder of photographs for each class. Without it the flowers of the course are downloaded. The same
--workdir again resumes an unfinished run.
"""

import time
from collections.abc import Sequence

from flowers_jax import cli
from flowers_jax.training.loop import fit


def main(argv: Sequence[str]) -> None:
    config, args = cli.parse_config(__doc__, argv)
    fit(config, args.workdir or cli.default_workdir(args.config, time.strftime("%Y%m%d-%H%M%S")))


if __name__ == "__main__":
    cli.run(main)
