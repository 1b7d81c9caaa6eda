"""Print the three likeliest classes of photographs, as CSV; see flowers_jax.cli.predict."""

from flowers_jax.cli.program import run_command

if __name__ == "__main__":
    run_command("predict")
