"""Train, trust and ship flower classifiers in JAX/Flax."""

__version__ = "0.1.0"
