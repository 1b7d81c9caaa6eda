"""Divide a folder of class folders into train/, validation/ and test/; see flowers_jax.cli.split."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("split")
