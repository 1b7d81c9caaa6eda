"""Serve a trained model as a page on this machine; see flowers_jax.cli.demo."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("demo")
