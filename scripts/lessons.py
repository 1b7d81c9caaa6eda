"""Explain convolution; see flowers_jax.cli.lessons."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("lessons")
