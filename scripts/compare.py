"""Compare finished runs; see flowers_jax.cli.compare."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("compare")
