"""Write the page of a run again; see flowers_jax.cli.report."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("report")
