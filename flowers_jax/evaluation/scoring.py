"""The loss and the metrics of a run in its evaluation: the package's own, those from outside, and objects of Python."""

from flowers_jax import losses, metrics
from flowers_jax.config_types import Config
from flowers_jax.evaluation.outside_code import permitted
from flowers_jax.evaluation.trained_model import TrainedModel
from flowers_jax.losses import LossFunction
from flowers_jax.metrics import METRICS, Metric
from flowers_jax.outside import is_outside
from flowers_jax.registry import GIVEN
from flowers_jax.run.model_json import check_code


def loss_of(model: TrainedModel, config: Config) -> LossFunction | None:
    """The loss of the run; None if it was an object of Python that `model.loss` does not have.

    Raises:
        UsageError: it is code outside the package, and the caller has not permitted it.
    """
    if model.loss or config.loss.name != GIVEN:
        loss = model.loss or losses.find(_code(model, config.loss.name, "loss"))
        return losses.bound(config, loss)
    return None


def metrics_of(model: TrainedModel, config: Config) -> dict[str, Metric | None]:
    """By name the metrics of the package, those of the run and `model.metrics`.

    None for one of the run that was an object of Python which `model.metrics` does not have.

    Raises:
        UsageError: one is code outside the package, and the caller has not permitted it.
    """
    found: dict[str, Metric | None] = {**METRICS, **{metric.name: metric for metric in model.metrics}}
    for name in config.metrics:
        if is_outside(name):
            metric = metrics.find(_code(model, name, "metric"))
            found[metric.name] = metric
        else:
            found.setdefault(name, None)
    return found


def _code(model: TrainedModel, name: str, what: str) -> str:
    code = permitted(str(model.run.path), model.code, name, what)
    if is_outside(name):
        described = model.run.read_model().get("parts_sha256", {})
        check_code(code, described.get(name), str(model.run.path / "model.json"))
    return code
