"""Print a script with which a shell completes flowers-jax; see flowers_jax.cli.completion."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("completion")
