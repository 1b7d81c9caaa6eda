"""Called from Python nothing changes the process, not even by what the first use of a name imports.

Each test is a process of its own, in which nothing is imported before.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, drawn_flowers

BEGIN = """
import logging, os, random, signal, sys, threading, warnings

def state():
    mask = os.umask(0)
    os.umask(mask)
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    return {
        "environment": dict(os.environ),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "levels": {one.name: one.level for one in loggers if isinstance(one, logging.Logger) and one.level},
        "handlers": logging.getLogger().handlers[:],
        "hooks": (sys.unraisablehook, sys.excepthook, threading.excepthook, warnings.showwarning),
        "path": list(sys.path), "folder": os.getcwd(), "mask": mask, "random": random.getstate(), "arguments": sys.argv,
    }

before = state()

def check(what):
    after = state()
    changed = {name: (before[name], after[name]) for name in before if after[name] != before[name]}
    if "jax" in sys.modules:
        import jax
        if (values := dict(jax.config.values)) != jax_before.setdefault("values", values):
            changed["jax"] = {name for name in values if values[name] != jax_before["values"].get(name)}
    assert not changed, f"after {what}: {changed}"
    print("checked", what)

jax_before = {}

def raises(kind, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except kind:
        return
    raise AssertionError(f"no {kind}")

import flowers_jax as fj
check("the import")
config = fj.config.load("smoke", {"epochs": 1, "devices": 1, "data.dir": "flowers", "checkpoint.monitor": "val_loss"})
check("load of a config")
"""

FIT = """
class Fails:
    def on_epoch_end(self, row, variables):
        raise RuntimeError("of a callback")

class Stopped:
    def on_epoch_end(self, row, variables):
        signal.raise_signal(signal.SIGTERM)

fj.fit(config, "run")
check("fit")
raises(fj.UsageError, fj.fit, fj.config.replace(config, {"seed": 1}), "run")
check("a mistake")
raises(RuntimeError, fj.fit, config, "fails", callbacks=[Fails()])
check("an exception")
raises(fj.Interrupted, fj.fit, config, "stopped", callbacks=[Stopped()])
check("a signal")
run = fj.load("run")
check("load")
assert run.predict("flowers/five_petals/0.png").shape == (1, 3)
check("predict")
raises(fj.UsageError, run.predict, "none.png")
check("a path that is none")
"""

MORE = """
import numpy as np
thread = threading.Thread(target=fj.fit, args=(config, "run"))
thread.start()
thread.join()
assert fj.runs(".")[0]["finished"]
check("fit in a thread")
run = fj.load("run")
assert run.evaluate("flowers")["examples"] == 60 and run.features("flowers/five_petals/0.png").shape[0] == 1
check("evaluate and features")
run.evaluate(fj.Dataset.from_folder("flowers"), "test")
raises(fj.UsageError, run.evaluate, "nothing")
check("evaluate of a data set, and a mistake")
run.confusion_matrix("validation")
check("the confusion matrix")
images = np.random.default_rng(0).integers(0, 256, (24, 28, 28, 3), np.uint8)
arrays = fj.Dataset.from_arrays(images, [0, 1] * 12)
check("a data set of arrays")
assert fj.cross_validate(config, "folds", 2, data=arrays)["examples"] == 24
check("cross_validate")
assert len(fj.sweep(config, {"learning_rate": [0.1, 0.2]}, "sweep")["table"]) == 2
raises(fj.UsageError, fj.sweep, config, {"learning_rate": [-1.0]}, "other")
check("a sweep, and one with a mistake")
outside = fj.config.replace(config, {"loss.name": "beside:loss"})
fj.fit(outside, "outside")
check("a loss beside the data")
raises(fj.UsageError, fj.load("outside").evaluate, "flowers")
assert fj.load("outside", code="beside:loss").evaluate("flowers", "test")["loss"] > 0
check("evaluate with code")
"""

LOSS = """
def loss(logits, targets):
    return ((logits - targets) ** 2).sum(-1)
"""


@pytest.mark.parametrize("script", [FIT, pytest.param(MORE, marks=pytest.mark.wings)], ids=["fit", "more"])
def test_it_is_as_before(tmp_path: Path, script: str):
    drawn_flowers(tmp_path / "flowers")
    (tmp_path / "beside.py").write_text(LOSS)
    (tmp_path / "script.py").write_text(BEGIN + script)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "TPU_", "KERAS_"))}
    environment |= {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("checked") == (BEGIN + script).count("\ncheck(")
