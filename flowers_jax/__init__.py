"""Train, evaluate and use image classifiers in JAX/Flax: `import flowers_jax as fj`. docs/api.md has every name.

A name is imported when it is first used, so that this import loads neither JAX nor anything else that is heavy.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from flowers_jax import config as config
    from flowers_jax.augment import Augmentation as Augmentation
    from flowers_jax.data.dataset import Dataset as Dataset
    from flowers_jax.errors import Interrupted as Interrupted
    from flowers_jax.errors import TrainingError as TrainingError
    from flowers_jax.errors import UsageError as UsageError
    from flowers_jax.evaluation.comparison import compare as compare
    from flowers_jax.evaluation.trained_model import TrainedModel as TrainedModel
    from flowers_jax.evaluation.trained_model import load as load
    from flowers_jax.losses import Loss as Loss
    from flowers_jax.metrics import Metric as Metric
    from flowers_jax.models import ModelSpec as ModelSpec
    from flowers_jax.optimizers import Optimizer as Optimizer
    from flowers_jax.report.fit import fit as fit
    from flowers_jax.run.listing import runs as runs
    from flowers_jax.studies.cross_validate import cross_validate as cross_validate
    from flowers_jax.studies.sweep import sweep as sweep
    from flowers_jax.training.callbacks import Callback as Callback
    from flowers_jax.training.callbacks import Stop as Stop

_PLACES = {
    "Augmentation": "augment",
    "Callback": "training.callbacks",
    "Dataset": "data.dataset",
    "Interrupted": "errors",
    "Loss": "losses",
    "Metric": "metrics",
    "ModelSpec": "models",
    "Optimizer": "optimizers",
    "Stop": "training.callbacks",
    "TrainedModel": "evaluation.trained_model",
    "TrainingError": "errors",
    "UsageError": "errors",
    "compare": "evaluation.comparison",
    "config": "",
    "cross_validate": "studies.cross_validate",
    "fit": "report.fit",
    "load": "evaluation.trained_model",
    "runs": "run.listing",
    "sweep": "studies.sweep",
}
"""From a name to the module that has it; "" for a module of the package itself."""

__all__ = [
    "Augmentation", "Callback", "Dataset", "Interrupted", "Loss", "Metric", "ModelSpec", "Optimizer", "Stop",
    "TrainedModel", "TrainingError", "UsageError", "__version__", "compare", "config", "cross_validate", "fit", "load",
    "runs", "sweep",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker would take every other name for one of the package too

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module 'flowers_jax' has no attribute {name!r}")
        from flowers_jax.runtime import process

        place = _PLACES[name]
        with process.unchanged_by_imports():
            module = importlib.import_module(f"flowers_jax.{place or name}")
        globals()[name] = value = getattr(module, name) if place else module
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
