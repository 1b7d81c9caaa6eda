"""Train a classifier on photographs and say how good it is.

    python scripts/train.py --config=configs/mobilenet.py --config.data.dir=FOLDER

FOLDER holds a folder of photographs for each class. Without it the flowers of the course are downloaded. The same
--workdir again resumes an unfinished run.
"""

import time
from collections.abc import Sequence

from flowers_jax import cli
from flowers_jax.runtime import host_memory


def main(argv: Sequence[str]) -> None:
    flags = cli.parser(__doc__)
    flags.add_argument("--workdir", metavar="DIR", help="run directory; an unfinished one is resumed "
                       "(default: a new runs/NAME-DATE-TIME)")  # fmt: skip
    config, args = cli.parse_config(flags, argv)
    from flowers_jax.runtime import compilation
    from flowers_jax.training.loop import fit  # takes a second, which a mistake in a flag need not wait for

    compilation.keep_programs()
    fit(config, args.workdir or cli.default_workdir(args.config, time.strftime("%Y%m%d-%H%M%S")))


if __name__ == "__main__":
    host_memory.ask_for_huge_pages()
    cli.run(main)
