"""The commands: flags, exit statuses, and a module for each command.

Importing this loads neither JAX nor a command.
"""

from flowers_jax.cli.flags import config_parser as config_parser
from flowers_jax.cli.flags import default_workdir as default_workdir
from flowers_jax.cli.flags import parse_config as parse_config
from flowers_jax.cli.flags import parser as parser
from flowers_jax.cli.program import run as run
