"""Write a trained model as files for phone, server and browser; see flowers_jax.cli.export."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("export")
