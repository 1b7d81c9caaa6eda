"""Draw photographs with the augmentation of a config; see flowers_jax.cli.augment."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("augment")
