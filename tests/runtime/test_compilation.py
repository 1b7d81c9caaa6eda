"""Programs are compiled once, with options that XLA knows, and kept in the cache folder or where users want them."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from flowers_jax.runtime import compilation
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


@pytest.fixture
def fresh_options():
    """Options are chosen anew in the test, and again after it."""
    compilation.options.cache_clear()
    yield
    compilation.options.cache_clear()


@pytest.mark.usefixtures("fresh_options")
def test_a_program_is_compiled_once_for_each_shape_with_options_that_xla_knows(monkeypatch, tmp_path):
    """An option of another version of XLA is left out, and everything runs without it."""
    monkeypatch.setattr(compilation, "CPU", tmp_path / "missing")
    traced = []
    mapped = jax.jit(lambda x: (traced.append(x.shape), x.sum())[1])
    for fusions in (compilation.FUSIONS, {"xla_cpu_an_option_of_tomorrow": True}):
        monkeypatch.setattr(compilation, "FUSIONS", fusions)
        compilation.options.cache_clear()
        call = compilation.compiled(mapped, "cpu")
        assert [float(call(np.ones(n, np.float32))) for n in (3, 3, 5)] == [3, 3, 5]
    assert traced == [(3,), (5,)]
    assert compilation.options("cpu") == {} == compilation.options("gpu")


@pytest.mark.usefixtures("fresh_options")
@pytest.mark.parametrize(
    ("described", "wide"),
    [
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx2 avx512f avx512dq", True),
        ("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx2", False),
        ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2 avx512f avx512dq", False),
        ("processor\t: 0\nFeatures\t: fp asimd", False),
        (None, False),
    ],
)
def test_vectors_are_as_wide_as_the_processor_is_fastest_with(tmp_path, monkeypatch, described, wide):
    if described is not None:
        (tmp_path / "cpuinfo").write_text(described)
    monkeypatch.setattr(compilation, "CPU", tmp_path / "cpuinfo")
    expected = compilation.FUSIONS | (compilation.WIDE_VECTORS if wide else {})
    assert compilation.options("cpu") == expected


@pytest.mark.usefixtures("fresh_options")
def test_what_the_user_has_set_in_xla_flags_stays(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("vendor_id\t: GenuineIntel\nflags\t\t: fpu avx2 avx512f")
    monkeypatch.setattr(compilation, "CPU", tmp_path / "cpuinfo")
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=8 --xla_cpu_prefer_vector_width=256")
    assert compilation.options("cpu") == compilation.FUSIONS
