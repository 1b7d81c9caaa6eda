"""List the problems of a folder of photographs; see flowers_jax.cli.check."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("check")
