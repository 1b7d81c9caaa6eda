"""Train every point of a grid of values; see flowers_jax.cli.sweep."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("sweep")
