"""Programs are kept in the cache folder, or where the user has them kept."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = """
from flowers_jax.runtime import compilation
compilation.keep_programs()
import jax
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.jit(lambda x: x * 2 + 1)(1.0)
"""


@pytest.mark.parametrize("chosen", [False, True])
def test_programs_are_kept(tmp_path, chosen):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    if chosen:
        environment["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path / "elsewhere")
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True, timeout=60)
    ours = list((tmp_path / "cache").rglob("*-cache"))
    elsewhere = list((tmp_path / "elsewhere").rglob("*-cache"))
    assert bool(elsewhere) == chosen and bool(ours) != chosen
