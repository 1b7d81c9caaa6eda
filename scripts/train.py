"""Train a classifier on photographs and measure its accuracy; see flowers_jax.cli.train."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("train")
