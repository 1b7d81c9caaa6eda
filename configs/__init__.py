"""Ready-made configs, each a file with `get_config()`; a wheel carries them as `flowers_jax.configs`."""
