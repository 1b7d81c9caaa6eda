"""One owner at a time."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from flowers_jax.errors import UsageError
from flowers_jax.run.lock import owned

HOLD = """
import sys, time
from pathlib import Path
from flowers_jax.run.lock import owned
with owned(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_owner_is_refused_by_name_and_one_that_died_is_not_one(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "run"], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=f"process {first.pid} on {socket.gethostname()} is training there"):
            owned(tmp_path / "run").__enter__()
        first.send_signal(signal.SIGKILL)
        first.wait()
    with owned(tmp_path / "run"):
        assert f"process {os.getpid()} on" in (tmp_path / "run" / ".lock").read_text()


def test_an_owner_within_this_process_is_one_too(tmp_path):
    with owned(tmp_path), pytest.raises(UsageError, match="is training there"), owned(tmp_path):
        pass
    with owned(tmp_path):
        pass
