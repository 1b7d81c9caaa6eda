"""Which packages a wheel holds: those below flowers_jax/, and configs/ as flowers_jax.configs.

pyproject.toml, which says everything else, has no way to add one package to those that are found.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["flowers_jax", "flowers_jax.*"]), "flowers_jax.configs"],
    package_dir={"flowers_jax.configs": "configs"},
)
