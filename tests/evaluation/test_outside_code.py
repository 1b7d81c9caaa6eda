"""Which `--code` stands for which name of a run, and what evaluation does without one."""

import json
import shutil

import pytest

from flowers_jax import config as config_lib
from flowers_jax.errors import ChangedCode, UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.evaluation.evaluate import not_computed
from flowers_jax.evaluation.outside_code import match, permitted
from flowers_jax.metrics import Metric
from flowers_jax.outside import sha256
from flowers_jax.run.directory import RunDirectory
from flowers_jax.training.loop import fit
from tests.conftest import drawn_flowers, smoke_config
from tests.outside import parts
from tests.scripts.commands import script

NAMES = ("a.py:SPEC", "b.py:loss", "cross_entropy", "nll")


@pytest.mark.parametrize(
    ("codes", "found"),
    [
        ((), {}),
        (("moved/a.py:SPEC",), {"a.py:SPEC": "moved/a.py:SPEC"}),
        (("my.module:loss", "a.py:SPEC"), {"a.py:SPEC": "a.py:SPEC", "b.py:loss": "my.module:loss"}),
    ],
)
def test_a_code_stands_for_the_name_with_its_part_behind_the_colon(codes, found):
    assert match("run", NAMES, codes) == found


def test_one_name_alone_takes_any_code_and_an_equal_name_is_its_own():
    assert match("run", ("a.py:SPEC", "nll"), ["new.py:OTHER"]) == {"a.py:SPEC": "new.py:OTHER"}
    assert match("run", ("a.py:SPEC", "b.py:SPEC"), ["b.py:SPEC"]) == {"b.py:SPEC": "b.py:SPEC"}


@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        (("cnn", "nll"), "a.py:SPEC", "the model, the loss and the metrics of --run=run are the package's own; leave"),
        (NAMES, "a.py:OTHER", "has behind the colon none of the names of a.py:SPEC, b.py:loss, which --run=run has"),
        (("a.py:SPEC", "b.py:SPEC"), "c.py:SPEC", "stands for each of a.py:SPEC, b.py:SPEC, which --run=run has"),
    ],
)
def test_a_code_that_stands_for_nothing_is_refused(names, code, words):
    with pytest.raises(UsageError, match=f"^--code={code}: {words}"):
        match("run", names, [code])


def test_the_message_names_the_one_that_is_missing():
    assert permitted("run", {}, "cross_entropy", "loss") == "cross_entropy"
    words = r"^--run=run: its loss is code outside the package, .* permission: give --code=b\.py:loss$"
    with pytest.raises(UsageError, match=words):
        permitted("run", match("run", NAMES, ["a.py:SPEC"]), "b.py:loss", "loss")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run with a loss and a metric of a file, one with objects, and the photographs of both."""
    root = tmp_path_factory.mktemp("trained")
    config = smoke_config()
    config.epochs, config.data.dir = 1, str(drawn_flowers(root / "flowers"))
    shutil.copy(parts.__file__, root / "parts.py")
    names = {"loss.name": f"{root / 'parts.py'}:squared_error", "metrics": (f"{root / 'parts.py'}:WORST_CLASS",)}
    fit(config_lib.replace(config_lib.validate(config), names), root / "named")
    worst = {"worst": parts.WORST_CLASS.function}
    fit(config, root / "given", loss=parts.squared_error, metrics=worst)
    return root, names


def test_model_json_has_the_sha256_of_loss_and_metric(trained):
    root, names = trained
    loss, (metric,) = names.values()
    assert RunDirectory(root / "named").read_model()["parts_sha256"] == {loss: sha256(loss), metric: sha256(metric)}
    assert RunDirectory(root / "given").read_model()["parts_sha256"] == {}


def test_evaluation_has_the_figures_of_the_summary(trained):
    root, names = trained
    codes = [names["loss.name"], *names["metrics"]]
    run = trained_model.load(root / "named", code=codes)
    report, summary = run.evaluate(root / "flowers", "test"), run.summary
    assert report["loss"] == pytest.approx(summary["test_loss"], rel=1e-5)
    assert report["metrics"] == pytest.approx(summary["test_metrics"], rel=1e-5)
    assert report["metrics"].keys() == {
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "top_5",
        "nll",
        "ece",
        "worst_class",
    }
    assert not_computed(report) == ""


def test_a_changed_file_is_warned_of(trained, tmp_path):
    root, names = trained
    other = tmp_path / "other.py"
    other.write_text((root / "parts.py").read_text() + "# changed\n")
    codes = [f"{other}:squared_error", *names["metrics"]]
    with pytest.warns(
        ChangedCode, match=r"other\.py:squared_error: the SHA-256 of its file is not that in .*model\.json"
    ):
        trained_model.load(root / "named", code=codes).evaluate(root / "flowers", "test")


def test_objects_of_python_are_given_again_or_missing(trained, capsys):
    root, _ = trained
    worst = Metric("worst", parts.WORST_CLASS.function)
    whole = trained_model.load(root / "given", loss=parts.squared_error, metrics=["nll", worst])
    report = whole.evaluate(root / "flowers", "test")
    assert report["loss"] == pytest.approx(whole.summary["test_loss"], rel=1e-5)
    assert report["metrics"]["worst"] == pytest.approx(whole.summary["test_metrics"]["worst"])
    assert script("evaluate", f"--run={root / 'given'}", f"--data={root / 'flowers'}", "--split=test") == 0
    out, error = capsys.readouterr()
    without = json.loads(out)
    assert without["loss"] is None and without["metrics"]["worst"] is None
    assert without["metrics"]["nll"] == report["metrics"]["nll"] and without["accuracy"] == report["accuracy"]
    assert error.splitlines() == [
        "warning: loss, metrics.worst: null, because the run was given an object of Python for it; "
        "flowers_jax.load(RUN, loss=..., metrics=...).evaluate(DATA) takes it again"
    ]


def test_the_loss_is_that_of_the_package_with_its_options(trained, tmp_path):
    root, _ = trained
    config = smoke_config()
    config.epochs, config.data.dir, config.loss.name, config.loss.options = (
        1,
        str(root / "flowers"),
        "focal",
        {"gamma": 3.0},
    )
    summary = fit(config, tmp_path / "run")
    report = trained_model.load(tmp_path / "run").evaluate(root / "flowers", "test")
    assert report["loss"] == pytest.approx(summary["test_loss"], rel=1e-5) != report["metrics"]["nll"]
