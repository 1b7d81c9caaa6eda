"""The commands: flags, exit statuses, and a module for each command."""

from flowers_jax.cli.program import default_workdir as default_workdir
from flowers_jax.cli.program import parse_config as parse_config
from flowers_jax.cli.program import parser as parser
from flowers_jax.cli.program import run as run
