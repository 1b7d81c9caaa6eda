"""Bars on a terminal, and plain lines everywhere else. Terminals are pseudo-terminals."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading

import pytest

from flowers_jax.runtime import progress
from tests.conftest import ROOT

WORK = """
import sys, time
from flowers_jax.runtime.progress import quiet, styled, track

with quiet("--quiet" in sys.argv):
    before = sys.stdout
    for number in track(range(4), "decoding [all]", 4):
        time.sleep(0.1)
        print(f"line {number} {'x' * 200}")
    assert sys.stdout is before
    print(styled("done", "green"))
"""
LINES = [f"line {number} {'x' * 200}" for number in range(4)]
HIDE_CURSOR = "\x1b[?25l"


def start(code, *flags, stdout=None, stderr=None, **environment):
    """(process, master) of a Python program whose output, if not told otherwise, is a terminal of 100 columns."""
    master, slave = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    env |= {"TERM": "xterm", "COLUMNS": "100", "PYTHONPATH": str(ROOT)} | environment
    streams = {"stdin": slave, "stdout": stdout or slave, "stderr": stderr or slave}
    process = subprocess.Popen([sys.executable, "-c", code, *flags], **streams, env=env)
    os.close(slave)
    return process, master


def said(master, until=""):
    """What a program prints on its terminal, to its end or to some words."""
    read = b""
    with contextlib.suppress(OSError):  # Linux's way to say that nobody has it open any more
        while (not until or until not in read.decode()) and (new := os.read(master, 65536)):
            read += new
    return read.decode()


def test_a_bar_of_a_program_whose_output_is_data():
    """It is on standard error, with what is printed there above it, and leaves the data alone."""
    code = """
import sys, time
from flowers_jax.runtime.progress import track

for number in track(range(3), "predicting", 3, stream="stderr"):
    time.sleep(0.3)
    print(f"row {number}")
    print(f"skipped {number}", file=sys.stderr)
"""
    read, write = os.pipe()
    process, master = start(code, stdout=write)
    os.close(write)
    output = said(master)
    assert process.wait(60) == 0
    with os.fdopen(read, "rb") as data:
        assert data.read() == b"row 0\nrow 1\nrow 2\n"
    assert "predicting" in output and " img/s" in output and "skipped 1\r\n" in output and "row" not in output


def test_a_bar_on_a_terminal_with_lines_above_it():
    process, master = start(WORK)
    output = said(master)
    assert process.wait(60) == 0
    assert "decoding [all]" in output and " img/s" in output and "0:00:0" in output
    for line in LINES:  # whole, though the terminal is narrower
        assert f"{line}\r\n" in output
    assert output.endswith("\x1b[32mdone\x1b[0m\r\n")
    assert HIDE_CURSOR not in output  # a process that is killed would leave it so


@pytest.mark.parametrize("how", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, "--quiet"], ids=str)
def test_plain_lines_on_a_terminal(how):
    process, master = start(WORK, how) if isinstance(how, str) else start(WORK, **how)
    assert said(master).split("\r\n") == [*LINES, "done", ""]
    assert process.wait(60) == 0


def test_an_empty_no_color_is_none():
    process, master = start(WORK, NO_COLOR="")
    assert "decoding" in said(master) and process.wait(60) == 0


def test_plain_lines_in_a_pipe():
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split("\n") == [*LINES, "done", ""] and done.stderr == ""


def test_an_interrupted_bar_gives_the_terminal_back():
    code = """
import sys, time
from flowers_jax.runtime.progress import Bar

before = sys.stdout
try:
    with Bar("outside", 2), Bar("inside", None):
        print("began")
        time.sleep(60)
except KeyboardInterrupt:
    print("given back" if sys.stdout is before else "lost")
"""
    process, master = start(code)
    said(master, until="began")
    process.send_signal(signal.SIGINT)
    assert said(master).endswith("given back\r\n")
    assert process.wait(60) == 0


def test_a_terminal_that_has_gone_costs_nothing(tmp_path):
    code = """
import pathlib, sys, time
from flowers_jax.runtime.progress import Bar

with Bar("decoding", 10) as bar:
    print("began")
    for _ in range(10):
        time.sleep(0.1)
        bar.advance()
        print("line")
pathlib.Path(sys.argv[1]).write_text("whole")
sys.stdout = None
"""
    with (tmp_path / "errors").open("w") as errors:
        process, master = start(code, str(tmp_path / "end"), stderr=errors)
        said(master, until="began")
        os.close(master)
        process.wait(60)
    assert (tmp_path / "end").read_text() == "whole"
    assert "Traceback" not in (tmp_path / "errors").read_text()


def test_bars_in_threads(monkeypatch):
    """More than one at a time; the last that closes gives standard output back."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def work(number):
        for _ in progress.track(range(50), f"thread {number}", 50):
            with progress.Bar(f"inside {number}", 3, unit="B", done=1) as bar:
                bar.advance(2)
                bar.describe(f"inside {number}", "text \x1b[2J")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.stdout is terminal
    assert "\x1b[2J" not in terminal.text  # of a name, which is untrusted


class Terminal:
    """Keeps what is written to it."""

    encoding, errors = "utf-8", "strict"

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True

    def fileno(self):
        return 1
