"""Checkpoints of a run, written by orbax. Only this module imports orbax.

Each checkpoint has three parts: `model` (params, batch_stats), `optimizer`, and `progress`, which is JSON. It is valid
once it is sealed (`flowers_jax.run.seal`), and only then are older ones removed.

Of several processes the first one writes, because each has the whole state, and what is promised of a full disk and of
a kill stays that of one process. All read.
"""

import contextlib
import functools
import logging
import os
import re
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

from flowers_jax.errors import DamageWarning, UsageError, first_line
from flowers_jax.run import seal
from flowers_jax.runtime import processes
from flowers_jax.runtime.terminal import absl_level


class Checkpoints:
    """The folder `checkpoints/` of a run; checkpoints are numbered from 1 in the order of saving."""

    def __init__(self, run: Path):
        """Verify every checksum. This changes no file, so a training may run at the same time.

        Warns:
            DamageWarning: names each checkpoint that must not be used.
        """
        self.folder = run / "checkpoints"
        self._sound: list[int] = []
        self._model_of: dict[int, Any] = {}
        self._damaged: list[int] = []
        for number in _numbers(self.folder):
            path = self.folder / str(number)
            if not (reason := seal.damage(path)):
                self._sound.append(number)
            elif os.path.lexists(path):  # else a running training has just removed it
                self._damaged.append(number)
                warnings.warn(f"{path} is skipped: {reason}", DamageWarning, stacklevel=2)

    def latest(self) -> int | None:
        return self._sound[-1] if self._sound else None

    def usable(self) -> tuple[int, int] | None:
        """The latest checkpoint whose referenced model is intact, and the checkpoint of that model (0: none yet).

        If every checkpoint has lost its model, the latest one and its own model.
        """
        for number in reversed(self._sound):
            if (model := self.model_of(number)) in (0, *self._sound):
                return number, model
        return (self._sound[-1], self._sound[-1]) if self._sound else None

    def save(self, model: Any, optimizer: Any, progress: Mapping[str, Any], keep: int) -> None:
        """Write checkpoint number `next_number()`; keep the `keep` latest and the models they refer to.

        Raises:
            OSError: it cannot be written; no part of it is left.
        """
        number = self.next_number()
        if processes.is_first():
            self._write(number, model, optimizer, progress)
        processes.wait("checkpoint")
        self._sound.append(number)
        self._model_of[number] = progress["model_checkpoint"]
        with contextlib.suppress(OSError):  # the save itself has succeeded
            self._prune(keep)

    def _write(self, number: int, model: Any, optimizer: Any, progress: Mapping[str, Any]) -> None:
        target = self.folder / str(number)
        parts = ocp.args.Composite(
            model=ocp.args.StandardSave(model),
            optimizer=ocp.args.StandardSave(optimizer),
            progress=ocp.args.JsonSave(dict(progress)),
        )
        with _quiet_orbax():
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._orbax.save(target, args=parts)
                seal.seal(target)
            except Exception as error:  # orbax and its C++ raise many kinds of errors on a full disk
                self._remove_failed(number)
                raise OSError(f"checkpoint {number} cannot be written to {self.folder} ({_reason(error)})") from error

    def _remove_failed(self, number: int) -> None:
        """Try repeatedly: some of orbax's threads still write for a moment after others have failed."""
        for _ in range(20):
            left = [*self.folder.glob(f"{number}.orbax-checkpoint-tmp*"), *self.folder.glob(str(number))]
            for partial in left:
                shutil.rmtree(partial, ignore_errors=True)
            time.sleep(0.05)

    def lost(self) -> bool:
        """Whether all checkpoints are damaged; a single unsealed one is a first save that a kill interrupted."""
        sealed = [number for number in self._damaged if not self.is_unsealed(number)]
        return not self._sound and (bool(sealed) or len(self._damaged) > 1)

    def is_unsealed(self, number: int) -> bool:
        """Whether it has no seal: it was not finished, or a running training has removed it meanwhile."""
        return not (self.folder / str(number) / seal.NAME).is_file()

    def next_number(self) -> int:
        return (self.latest() or 0) + 1

    def keep_until(self, number: int, keep: int) -> None:
        """Make checkpoint `number` the latest: remove damaged, later and partial ones."""
        self._remove({*self._damaged, *(found for found in self._sound if found > number)})
        for partial in self.folder.glob("*.orbax-checkpoint-tmp*") if processes.is_first() else ():
            shutil.rmtree(partial)
        self._prune(keep)

    def progress(self, number: int) -> dict[str, Any]:
        return self._restore(number, progress=ocp.args.JsonRestore())["progress"]

    def model_of(self, number: int) -> int:
        """The checkpoint that holds the run's model as of checkpoint `number`; 0 for none."""
        if number not in self._model_of:
            self._model_of[number] = self.progress(number).get("model_checkpoint")
        model = self._model_of[number]
        if not isinstance(model, int):  # a string could be a path out of the folder
            raise UsageError(f"{self.folder / str(number)} names {model!r} as its model checkpoint, not a number")
        return model

    def model(self, number: int, like: Any) -> Any:
        """The `model` part in the shapes and on the devices of `like`."""
        return self._restore(number, model=_as(like))["model"]

    def optimizer(self, number: int, like: Any) -> Any:
        """The `optimizer` part in the shapes and on the devices of `like`."""
        return self._restore(number, optimizer=_as(like))["optimizer"]

    def arrays(self, number: int) -> dict[str, Any]:
        """`model` and `optimizer` as they are stored, on the host."""
        parts = {name: ocp.args.StandardRestore() for name in ("model", "optimizer")}
        return dict(self._restore(number, **parts).items())

    def _restore(self, number: int, **parts: Any) -> Any:
        if number not in self._sound:
            raise FileNotFoundError(f"no checkpoint {number} in {self.folder}")
        try:
            with _quiet_orbax():
                return self._orbax.restore(self.folder / str(number), args=ocp.args.Composite(**parts))
        except Exception as error:  # the checksums match, but orbax may fail on what another program wrote
            raise UsageError(
                f"{self.folder / str(number)} was not written by this version ({first_line(error)})"
            ) from error

    @functools.cached_property
    def _orbax(self) -> ocp.Checkpointer:
        if processes.count() == 1:
            return ocp.Checkpointer(ocp.CompositeCheckpointHandler())
        own = processes.index()  # orbax waits for no other process
        alone = ocp.options.MultiprocessingOptions(own, active_processes={own}, barrier_sync_key_prefix=f"process{own}")
        options = ocp.CompositeOptions(multiprocessing_options=alone)
        handler = ocp.CompositeCheckpointHandler(composite_options=options)
        return ocp.Checkpointer(handler, multiprocessing_options=alone)

    def _prune(self, keep: int) -> None:
        latest = self._sound[-keep:]
        self._remove(set(self._sound) - {*latest, *map(self.model_of, latest)})

    def _remove(self, numbers: set[int]) -> None:
        """Remove the seal first, so a partly removed checkpoint is not valid."""
        self._sound = [number for number in self._sound if number not in numbers]
        self._damaged = [number for number in self._damaged if number not in numbers]
        for number in numbers:
            self._model_of.pop(number, None)
        for number in numbers if processes.is_first() else ():
            path = self.folder / str(number)
            if path.is_symlink() or not path.is_dir():
                path.unlink()  # not the target of the link
                continue
            (path / seal.NAME).unlink(missing_ok=True)
            shutil.rmtree(path)


@contextlib.contextmanager
def _quiet_orbax() -> Iterator[None]:
    """Silence orbax's threads, which each print their failure; the caller reports the raised error once."""
    with absl_level(logging.CRITICAL):
        hook = sys.unraisablehook

        def ignore_late_errors(what: Any) -> None:
            if "Event loop is closed" not in str(what.exc_value):
                hook(what)

        sys.unraisablehook = ignore_late_errors
        try:
            yield
        finally:
            sys.unraisablehook = hook


def _reason(error: Exception) -> str:
    """The reason of the operating system, if TensorStore gives its number."""
    number = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(number[1])) if number else first_line(error)


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.glob("[1-9]*") if path.name.isdecimal())


def _as(like: Any) -> Any:
    return ocp.args.StandardRestore(jax.tree.map(ocp.utils.to_shape_dtype_struct, like))
