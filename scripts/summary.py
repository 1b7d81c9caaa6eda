"""Print the layers of the model of a config; see flowers_jax.cli.summary."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("summary")
