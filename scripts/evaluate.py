"""Measure a trained model on a folder of class folders; see flowers_jax.cli.evaluate."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("evaluate")
