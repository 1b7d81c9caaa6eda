"""Train and test on every fold in turn; see flowers_jax.cli.cross_validate."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("cross_validate")
