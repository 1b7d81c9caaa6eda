"""Print a script with which bash or zsh completes the command flowers-jax.

    flowers-jax completion bash > ~/.local/share/bash-completion/completions/flowers-jax
    flowers-jax completion zsh > DIR/_flowers-jax

DIR is a folder of zsh's fpath. A new shell completes commands, flags, files, the names of ready-made configs and keys.
From a checkout: python scripts/completion.py SHELL
"""

import argparse
import importlib
from collections.abc import Sequence
from typing import Any

import shtab

from flowers_jax import config as config_lib
from flowers_jax.cli import program
from flowers_jax.cli.flags import parser
from flowers_jax.config_key import Key

BY_METAVAR = {
    "DIR": shtab.DIRECTORY,
    "FOLDER": shtab.DIRECTORY,
    "FILE": shtab.FILE,
    "PATH": shtab.FILE,
    "PHOTOGRAPH": shtab.FILE,
    "MODULE:NAME": shtab.FILE,
}
"""What the value of a flag or an argument names."""

BY_KEY = {
    "data.array": shtab.FILE, "data.csv": shtab.FILE, "data.dir": shtab.DIRECTORY, "model.name": shtab.FILE,
    "model.weights": shtab.FILE,
}  # fmt: skip

SPLIT_WORDS = """
# bash splits a word at "=": --config=smoke is three words. The function above knows two, "--config=" and "smoke".
_flowers_jax() {
  local options="_shtab_flowers_jax_${COMP_WORDS[1]//[^[:word:]]/_}_option_strings[*]"
  local words=("${COMP_WORDS[0]}") last=0 word value_follows=
  for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ $word == = ]]; then
      words[last]+="="
      [[ ${words[last]} == --*= ]] && words[++last]=""
      value_follows=1
    elif [[ $value_follows ]]; then
      words[last]+=$word
      value_follows=
    else
      [[ " ${!options-} " == *" ${words[last]}= "* ]] && words[last]+="="
      words[++last]=$word
    fi
  done
  local COMP_WORDS=("${words[@]}") COMP_CWORD=$last
  _shtab_flowers_jax
  if [[ ${COMPREPLY[0]-} == *= ]]; then compopt -o nospace 2>/dev/null || :; fi  # bash 3 has no compopt
}

complete -o bashdefault -F _flowers_jax flowers-jax
"""


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    flags.add_argument("shell", choices=("bash", "zsh"), metavar="SHELL", help="bash or zsh")
    return flags


def main(argv: Sequence[str]) -> None:
    print(script(make_parser().parse_args(argv).shell))


def script(shell: str) -> str:
    """The script for `bash` or `zsh`, from the parsers of all commands."""
    whole = argparse.ArgumentParser("flowers-jax")
    commands = whole.add_subparsers()
    for name in program.COMMANDS:
        module = importlib.import_module(f"flowers_jax.cli.{name}")
        about = " ".join((module.__doc__ or "").split("\n\n")[0].split())
        flags = _completed(module.make_parser())
        commands.add_parser(name.replace("_", "-"), parents=[flags], add_help=False, description=about, help=about)
    return shtab.complete(whole, shell) + (SPLIT_WORDS if shell == "bash" else "")


def _completed(flags: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The parser of a command as shtab reads it: "=" ends a flag with a value, and a value says what completes it."""
    if any(action.dest == "config" for action in flags._actions):
        for name, key in config_lib.described().items():
            _add_key(flags, name, key)
    for action in flags._actions:
        if action.option_strings and action.nargs != 0:
            action.option_strings = [f"{flag}=" for flag in action.option_strings]
        if action.dest == "config":
            action.choices = list(config_lib.ready_made())
        if action.dest == "grid":
            action.choices = [f"{name}=" for name in config_lib.described()]
        if action.metavar in BY_METAVAR:
            _complete(action, BY_METAVAR[str(action.metavar)])
        if action.metavar is not None:
            action.metavar = str(action.metavar).partition(":")[0]  # zsh ends it at a colon
    return flags


def _add_key(flags: argparse.ArgumentParser, name: str, key: Key) -> None:
    choices = ("True", "False") if isinstance(key.default, bool) else None
    words = key.help.replace("%", "%%")
    action = flags.add_argument(f"--config.{name}", metavar="VALUE", choices=choices, help=words)
    if name in BY_KEY:
        _complete(action, BY_KEY[name])


def _complete(action: argparse.Action, what: Any) -> None:
    action.complete = what  # type: ignore[attr-defined]  # which shtab reads
