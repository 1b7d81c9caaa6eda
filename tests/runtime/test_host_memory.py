"""train.py starts again with huge pages, once, and only where it is its own program."""

import os
import subprocess
import sys

import pytest

from flowers_jax.runtime import host_memory
from tests.conftest import ROOT

SHOW = (
    "import os; from flowers_jax.runtime import host_memory as h; h.ask_for_huge_pages(); print(os.environ[h.TUNABLES])"
)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
@pytest.mark.parametrize("chosen", [None, "glibc.malloc.arena_max=1"])
def test_a_program_gets_huge_pages_unless_its_user_has_chosen(tmp_path, chosen):
    program = tmp_path / "program.py"
    program.write_text(f"{SHOW}\nimport sys; print(*sys.argv[1:], sep='|')")
    environment = {key: value for key, value in os.environ.items() if key != host_memory.TUNABLES}
    environment |= {"PYTHONPATH": str(ROOT)} | ({host_memory.TUNABLES: chosen} if chosen else {})
    command = [sys.executable, str(program), "--name=a b", "c"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines() == [chosen or "glibc.malloc.hugetlb=1", "--name=a b|c"]


def test_another_program_is_left_alone(monkeypatch):
    monkeypatch.delenv(host_memory.TUNABLES, raising=False)
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("started again"))
    monkeypatch.setattr(sys, "argv", ["train", "--config=configs/smoke.py"])
    host_memory.ask_for_huge_pages()
    assert host_memory.TUNABLES not in os.environ
