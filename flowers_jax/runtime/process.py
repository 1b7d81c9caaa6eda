"""What imports of other packages change in the whole process, given back after them."""

import contextlib
import logging
import os
import random
import threading
from collections.abc import Iterator

_lock = threading.RLock()
_of_imports: dict[str, str] = {}
"""What imports have set in the environment."""


@contextlib.contextmanager
def unchanged_by_imports() -> Iterator[None]:
    """Give back the environment, the levels and handlers of loggers and the state of `random` that imports change.

    JAX, TensorFlow and orbax change them while they are imported. Their warning filters, and what they register with
    the interpreter (exit functions, finders of modules), stay.
    """
    with _lock:
        environment, numbers = dict(os.environ), random.getstate()
        loggers = [(logger, logger.level, logger.handlers[:]) for logger in _loggers()]
        try:
            yield
        finally:
            _of_imports.update({name: value for name, value in os.environ.items() if environment.get(name) != value})
            _restore(environment)
            random.setstate(numbers)
            for logger, level, handlers in loggers:
                logger.setLevel(level)
                logger.handlers[:] = handlers


@contextlib.contextmanager
def environment_of_imports() -> Iterator[None]:
    """Within this context the environment is as the imports have set it, for what reads it later than they do."""
    with _lock:
        environment = dict(os.environ)
        os.environ |= {name: value for name, value in _of_imports.items() if name not in environment}
        try:
            yield
        finally:
            _restore(environment)


def _restore(environment: dict[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ |= {name: value for name, value in environment.items() if os.environ.get(name) != value}


def _loggers() -> list[logging.Logger]:
    known = logging.Logger.manager.loggerDict.values()
    return [logging.getLogger(), *(logger for logger in known if isinstance(logger, logging.Logger))]
