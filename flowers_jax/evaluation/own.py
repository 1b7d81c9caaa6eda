"""The photographs of a run, read again from where its config says that they are."""

from flowers_jax.data import sources
from flowers_jax.data.dataset import Dataset
from flowers_jax.errors import UsageError
from flowers_jax.evaluation.trained_model import TrainedModel


def own_photographs(model: TrainedModel) -> Dataset:
    """All photographs of the run, with its classes and its splits.

    Raises:
        UsageError: they were objects of Python or come from code outside the package, or one is gone or has changed.
    """
    config, chosen = model.run.read_config(), model.run.read_model()["dataset"]["name"]
    if sources.is_outside(config.data.name):
        raise UsageError(
            f"{model.run.path}: its source {config.data.name} is code outside the package, which never runs without "
            "permission: give the photographs themselves, with data"
        )
    return model.run.apply_splits(sources.load(config, chosen), model.classes)
