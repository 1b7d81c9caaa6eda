"""Write a folder of photographs into one file; see flowers_jax.cli.prepare."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("prepare")
