"""Train every point of a grid of values, average over seeds, and choose by validation.

    python scripts/sweep.py FOLDER --grid KEY=A,B --grid seed=0,1 [--config=NAME] [--out=DIR] [--config.key=value ...]

Each point is a run directory below DIR. The same command again resumes. The table shows the mean and the standard
deviation of config.checkpoint.monitor over seed and data.seed. The best mean is chosen, and test figures are shown for
it alone. A key whose own values have commas takes ";" between them: --grid "data.split=0.8,0.1,0.1;0.6,0.2,0.2".
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

from flowers_jax.cli.flags import add_quiet, config_parser, default_workdir, parse_config
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError
from flowers_jax.runtime.terminal import aligned


def make_parser() -> argparse.ArgumentParser:
    flags = config_parser(__doc__, takes_folder=True)
    flags.add_argument("--grid", action="append", required=True, metavar="KEY=VALUES",
                       help="a key of the config and its values; again for another key")  # fmt: skip
    flags.add_argument(
        "--out", metavar="DIR", help="an unfinished sweep is resumed (default: a new runs/NAME-DATE-TIME)"
    )
    add_quiet(flags)
    return flags


def main(argv: Sequence[str]) -> None:
    config, args = parse_config(make_parser(), argv)
    texts = _texts(args.grid, config)
    if twice := texts.keys() & dict(args.overrides).keys():
        raise UsageError(f"--grid {min(twice)}: --config.{min(twice)} is given too; leave one of them out")
    grid = {key: [_value(key, text, texts, args) for text in values] for key, values in texts.items()}
    from flowers_jax.runtime import compilation, progress
    from flowers_jax.studies.sweep import sweep

    compilation.keep_programs()
    out = args.out or default_workdir(args.config, time.strftime("%Y%m%d-%H%M%S"))
    with progress.quiet(args.quiet):
        result = sweep(config, grid, out)
    print(f"\n{_shown(result)}\nsee {out}")


def _texts(given: Sequence[str], config: Config) -> dict[str, list[str]]:
    """The texts of the values of each key."""
    from flowers_jax import config as config_lib

    values, texts = config_lib.flatten(config), {}
    for text in given:
        key, equals, of_key = text.partition("=")
        if not equals:
            raise UsageError(f"--grid {text}: must be KEY=VALUES, as in --grid seed=0,1")
        if key in texts:
            raise UsageError(f"--grid {text}: {key} is given twice; leave one of them out")
        between = ";" if isinstance(values.get(key), tuple) else ","
        texts[key] = [one.strip() for one in of_key.split(between)]
        if "" in texts[key]:
            raise UsageError(f"--grid {text}: a value is missing, as in --grid seed=0,1")
    return texts


def _value(key: str, text: str, texts: Mapping[str, Sequence[str]], args: argparse.Namespace) -> Any:
    """The value that the text of a key is, beside the first values of the other keys: they may need each other."""
    from flowers_jax import config as config_lib

    others = [(other, values[0]) for other, values in texts.items() if other != key]
    try:
        point = config_lib.load(args.config, [*args.overrides, *others, (key, text)])
    except UsageError as error:
        hint = '; ";" is between values that have commas' if "," in text else ""
        raise UsageError(f"--grid {key}={text}: {error}{hint}") from error
    return config_lib.flatten(point)[key]


def _shown(result: Mapping[str, Any]) -> str:
    """The table, and the test figures of its chosen row."""
    from flowers_jax import config as config_lib

    monitor, chosen = result["monitor"], result["chosen"]
    cells = [[*chosen["keys"], monitor, "sd", "runs", ""]]
    for row in result["table"]:
        figures = ["diverged" if row["mean"] is None else f"{row['mean']:.4f}", _sd(row["sd"], ".4f"), str(row["n"])]
        cells.append([*map(config_lib.text_of, row["keys"].values()), *figures, "*" if row == chosen else ""])
    lines = aligned(cells, "")
    best = {"min": "the least", "max": "the largest"}[result["better"]]
    return "\n".join([*lines, "", f"* has {best} {monitor}: {_test(result['test'])}"])


def _test(test: Mapping[str, Any] | None) -> str:
    if test is None:
        return "no test part"
    accuracy = test["accuracy"]
    over = f", sd {_sd(accuracy['sd'], '.1%')} over {accuracy['n']} runs" if accuracy["n"] > 1 else ""
    return f"test accuracy {accuracy['mean']:.1%}{over}, on {test['examples'][0]} photographs"


def _sd(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
