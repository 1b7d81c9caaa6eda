"""`flowers-jax completion`: bash and zsh accept the script, and bash completes with it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flowers_jax import config as config_lib
from flowers_jax.cli import completion, program

REPLY = """
source "$1"; shift
function_name=$(complete -p flowers-jax | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
"$function_name" flowers-jax
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def scripts(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("completion")
    files = {shell: folder / shell for shell in ("bash", "zsh")}
    for shell, file in files.items():
        file.write_text(completion.script(shell))
    return files


def completed(script: Path, line: str, where: Path) -> list[str]:
    """What bash offers for the last word of a line, whose words it splits as readline does: "=" is a word too."""
    words = [part for word in line.split(" ") for part in re.findall(r"=|[^=]+", word) or [""]]
    command = ["bash", "-c", REPLY, "bash", script, *words]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shell_accepts_it(scripts, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    subprocess.run([shell, "-n", scripts[shell]], check=True)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_every_command_and_key_is_in_it(scripts, shell):
    text = scripts[shell].read_text()
    names = [f"--config.{name}=" for name in config_lib.KEYS | config_lib.option_keys()]
    assert [name for name in names if name not in text] == []
    assert [name for name in program.COMMANDS if f"_shtab_flowers_jax_{name}_option" not in text] == []


def test_every_value_of_zsh_is_one_word(scripts):
    """zsh reads `FLAG[help]:VALUE:what completes it`; a colon in VALUE would end it."""
    flags = re.findall(r'^  "(--[\w.-]+=)\[.*\]:(.*)"$', scripts["zsh"].read_text(), re.MULTILINE)
    assert len(flags) > 100
    assert [flag for flag, value in flags if value.count(":") != 1] == []


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", [name.replace("_", "-") for name in program.COMMANDS]),
        ("cro", ["cross-validate"]),
        ("train --workd", ["--workdir="]),
        ("train --config=", list(config_lib.ready_made())),
        ("train --config=cn", ["cnn"]),
        ("train --config cn", ["cnn"]),
        ("train --config.learn", ["--config.learning_rate="]),
        ("train --config=cnn --config.augment.cut", ["--config.augment.cutmix="]),
        ("train --config.data.follow_links=", ["True", "False"]),
        ("train --config.data.dir=ro", ["roses"]),
        ("train --config.epochs=3 ro", ["roses"]),
        ("train --workdir ro", ["roses"]),
        ("predict --run=ro", ["roses"]),
        ("predict --run=roses ros", ["rose.jpg", "roses"]),
        ("predict --code=rose.", ["rose.jpg"]),
        ("predict --run=roses --so", ["--sort="]),
        ("predict --run=roses --sort=ro", ["roses"]),
        ("predict --explain=ro", ["roses"]),
        ("predict --format=j", ["json"]),
        ("predict --out=rose.", ["rose.jpg"]),
        ("train --config.data.csv=rose.", ["rose.jpg"]),
        ("cross-validate --fol", ["--folds="]),
        ("split --mode=c", ["copy"]),
        ("sweep --grid learn", ["learning_rate="]),
        ("sweep --grid learning_rate=1e-3,3e-3 --grid=data.see", ["data.seed="]),
        ("sweep --grid learning_rate=1e-3 ro", ["roses"]),
        ("check --js", ["--json"]),
        ("completion z", ["zsh"]),
    ],
)  # fmt: skip
def test_bash_completes(scripts, tmp_path, line, offered):
    (tmp_path / "roses").mkdir()
    (tmp_path / "rose.jpg").touch()
    assert sorted(completed(scripts["bash"], f"flowers-jax {line}", tmp_path)) == sorted(offered)
