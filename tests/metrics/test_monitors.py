"""Which columns of `metrics.csv` there are, which may be monitored, and what is better in each."""

import pytest

from flowers_jax import cli, metrics
from flowers_jax import config as config_lib
from flowers_jax.config_types import Config
from flowers_jax.errors import UsageError
from flowers_jax.metrics import Metric, mode_of, monitored


def columns(changes, given=()):
    return monitored(config_lib.replace(Config(), changes), given)


def test_each_metric_has_its_direction():
    best_is_least = {"nll", "ece"}
    assert {name for name, metric in metrics.METRICS.items() if metric.mode == "min"} == best_is_least
    assert [mode_of(name, {}) for name in metrics.PLAIN] == ["min", "max", "min", "max"]
    assert mode_of("val_ece", columns({"metrics": ("ece",)})) == "min"


def test_what_is_monitored_is_a_column_and_each_is_there_once():
    assert columns({}) == {}
    assert list(columns({"metrics": ("accuracy", "top_5"), "plateau.monitor": "val_ece"})) == ["val_top_5", "val_ece"]
    assert list(columns({"metrics": ("ece",), "checkpoint.monitor": "val_ece"})) == ["val_ece"]


def test_objects_of_python_are_named_in_the_config():
    kappa = Metric("kappa", lambda logits, labels: 0.0)  # noqa: ARG005
    assert columns({"metrics": ("kappa",), "plateau.monitor": "val_kappa"}, [kappa]) == {"val_kappa": kappa}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"plateau.monitor": "val_acc"}, r"plateau\.monitor=val_acc: must be one of train_loss, .*mean val_accuracy\?"),
        ({"checkpoint.monitor": "macro_f1"}, r"checkpoint\.monitor=macro_f1: .*; did you mean val_macro_f1\?"),
        ({"early_stopping.monitor": "xyzzy"}, r"early_stopping\.monitor=xyzzy: must be one of .*val_ece$"),
        ({"metrics": ("macrof1",)}, r"--config\.metrics=macrof1: must be one of accuracy, .*; did you mean macro_f1\?"),
        ({"metrics": ("ece", "ece")}, r"--config\.metrics=ece,ece: there are two metrics ece"),
    ],
)
def test_other_names_are_refused(changes, words):
    with pytest.raises(UsageError, match=words):
        columns(changes)


def test_a_command_refuses_an_unknown_monitor_before_it_begins():
    with pytest.raises(UsageError, match="did you mean val_accuracy"):
        cli.parse_config(cli.config_parser(None), ["--config=smoke", "--config.plateau.monitor=val_accuracyy"])


@pytest.mark.parametrize(("name", "mode"), [("kappa", "more"), ("my kappa", "max")])
def test_a_metric_has_a_direction_and_a_name_for_a_column(name, mode):
    with pytest.raises(ValueError, match="must be"):
        Metric(name, lambda logits, labels: 0.0, mode)  # noqa: ARG005
