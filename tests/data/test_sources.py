"""The same photographs from a folder, a table, TensorFlow Datasets and arrays; what a run says of them."""

import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from PIL import Image

from flowers_jax import config as config_lib
from flowers_jax.config_types import Config, Data
from flowers_jax.data import sources
from flowers_jax.data.checks.review import review
from flowers_jax.data.dataset import Dataset, Example, identity
from flowers_jax.data.decode import decode
from flowers_jax.errors import UsageError
from flowers_jax.evaluation import trained_model
from flowers_jax.evaluation.evaluate import evaluate
from flowers_jax.training.loop import fit
from tests.conftest import drawn_flowers, png, smoke_config
from tests.data import tfds_sets
from tests.scripts.commands import SMOKE, script, table
from tests.torture import outcome

CLASSES = ("three_petals", "five_petals", "eight_petals")
"""As TensorFlow Datasets has them: in another order than that of their names."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """60 JPEGs in class folders, with a table beside them."""
    root = tmp_path_factory.mktemp("sources") / "flowers"
    rows = []
    for path in sorted(drawn_flowers(root).rglob("*.png")):
        path.with_suffix(".jpg").write_bytes(png(Image.open(io.BytesIO(path.read_bytes())), "JPEG"))
        path.unlink()
        rows.append(f"{path.parent.name}/{path.stem}.jpg,{path.parent.name}")
    (root / "table.csv").write_text("\n".join(["path,label", *reversed(rows), ""]))
    return root


@pytest.fixture(scope="module")
def prepared(root):
    """The name of a set of TensorFlow Datasets of the same bytes."""
    content = [(path.read_bytes(), CLASSES.index(path.parent.name)) for path in sorted(root.rglob("*.jpg"))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfds_sets, "CONTENT", {"train": content})
        tfds_sets.drawn_flowers()(config="plain").download_and_prepare()
    return "tfds:drawn_flowers/plain"


@pytest.fixture(scope="module")
def runs(root, prepared, tmp_path_factory):
    """A run of each source."""
    base = tmp_path_factory.mktemp("runs")
    every = {"folder": {"dir": str(root)}, "csv": {"csv": f"{root}/table.csv"}, "tfds": {"name": prepared}}
    for name, keys in every.items():
        config = smoke_config()
        config.data.update(keys)
        fit(config, base / name)
    fit(smoke_config(), base / "arrays", data=arrays(root, base / "folder"))
    return base


def arrays(root, run) -> Dataset:
    """The decoded photographs of the folder, backwards, with the parts that the run gave them."""
    rows = {row["path"]: row for row in table(run / "splits.csv")}
    paths = sorted(rows, reverse=True)
    images = [decode((root / path).read_bytes()) for path in paths]
    return Dataset.from_arrays(
        images, [rows[path]["label"] for path in paths], split=[rows[path]["split"] for path in paths]
    )


def test_splits_are_the_same(runs):
    """By content: names and orders differ, and arrays have other bytes."""

    def rows(name):
        return [(row["sha256"], row["label"], row["split"]) for row in table(runs / name / "splits.csv")]

    assert rows("folder") == rows("csv") == rows("tfds")
    assert [row[1:] for row in rows("arrays")] == [row[1:] for row in rows("folder")]
    assert {row["path"].rpartition(":")[0] for row in table(runs / "tfds" / "splits.csv")} == {"drawn_flowers:train"}


def test_metrics_are_equal_to_the_bit(runs):
    metrics = {name: outcome.metrics(runs / name) for name in ("folder", "csv", "tfds", "arrays")}
    assert len(metrics["folder"]) == 3 and all(each == metrics["folder"] for each in metrics.values())
    states = [outcome.state(runs / name) for name in ("folder", "arrays")]
    assert all(states[0][path].tobytes() == states[1][path].tobytes() for path in states[0])


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("folder", "folder ROOT"), ("csv", "csv ROOT/table.csv"), ("tfds", "tfds drawn_flowers/plain:1.2.0"),
        ("arrays", "arrays"),
    ],
)  # fmt: skip
def test_a_run_names_its_true_source(runs, root, name, source):
    summary = json.loads((runs / name / "summary.json").read_text())
    description = json.loads((runs / name / "model.json").read_text())["dataset"]
    assert summary["dataset_source"] == description["source"] == source.replace("ROOT", str(root.resolve()))
    assert summary["dataset_examples"] == description["examples"] == 60
    assert summary["dataset_sha256"] == description["sha256"]
    same = json.loads((runs / "folder" / "summary.json").read_text())["dataset_sha256"]
    assert (summary["dataset_sha256"] == same) == (name != "arrays")  # whose bytes are others
    config = json.loads((runs / name / "config.json").read_text())
    assert {
        f"dataset.{key}": summary[f"dataset_{key}"] for key in ("source", "sha256", "examples")
    }.items() <= config.items()
    keys = {"folder": "data.dir", "csv": "data.csv"}
    assert source.split()[0] == name and config[keys.get(name, "data.name")] != "procedural"


@pytest.mark.parametrize("name", ["folder", "csv", "tfds"])
def test_from_python_it_is_the_same_data(runs, root, prepared, name):
    data = {
        "folder": lambda: Dataset.from_folder(root),
        "csv": lambda: Dataset.from_csv(root / "table.csv"),
        "tfds": lambda: Dataset.from_tfds(prepared.removeprefix("tfds:")),
    }[name]()
    config = config_lib.replace(config_lib.validate(smoke_config()), data.origin)
    of_run = config_lib.from_flat(json.loads((runs / name / "config.json").read_text()))
    assert config_lib.differing_keys(of_run, config) == []
    assert identity(data)["sha256"] == json.loads((runs / name / "summary.json").read_text())["dataset_sha256"]
    loaded = sources.load(config)
    assert (loaded.examples, loaded.origin) == (data.examples, data.origin)


@pytest.mark.parametrize("what", ["table.csv", "tfds:drawn_flowers/plain", "."])
def test_evaluation_takes_every_source(runs, root, prepared, capsys, what):
    run = f"--run={runs / 'folder'}"
    assert script("evaluate", run, f"--data={what if ':' in what else root / what}", "--split=test") == 0
    report = json.loads(capsys.readouterr().out)
    (*_, last) = json.loads((runs / "folder" / "summary.json").read_text())["classes"]
    assert (
        report["parts"]["test"] == report["examples"] == report["data"]["examples"] == 6 and last in report["per_class"]
    )
    assert report["data"]["source"].split()[0] == {"table.csv": "csv", ".": "folder"}.get(what, "tfds")
    assert prepared
    for wrong, words in (("none.csv", "no such file"), ("tfds:none", "no such set"), ("none", "no such folder")):
        assert script("evaluate", run, f"--data={wrong}") == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: --data={wrong}: ") and words in error and error.count("\n") == 1


def test_the_disk_keeps_decoded_photographs_of_every_source(runs, root, prepared, smoke, tmp_path):
    for number, keys in enumerate(({"csv": f"{root}/table.csv"}, {"name": prepared})):
        smoke.data.update({"cache": "disk", "workers": 1} | keys)
        fit(smoke, tmp_path / str(number))
        smoke.data.csv = ""
        assert outcome.metrics(tmp_path / str(number)) == outcome.metrics(runs / "folder")


def test_an_older_run_goes_on_and_is_evaluated(runs, root, smoke, tmp_path):
    """It has neither the new keys of the config nor the new fields of `model.json`."""
    smoke.data.dir, smoke.epochs = str(root), 4
    shutil.copytree(runs / "folder", tmp_path / "run")
    directory = trained_model.load(str(tmp_path / "run")).run
    flat = directory.read_json("config.json")
    new = ("data.csv", "data.csv_path", "data.csv_label", "data.csv_split", "data.csv_group", "data.group_pattern")
    directory.write_json("config.json", {key: value for key, value in flat.items() if key not in new})
    model = directory.read_json("model.json")
    model["dataset"] = {name: model["dataset"][name] for name in ("name", "reason")}
    directory.write_json("model.json", model)
    summary = fit(smoke, tmp_path / "run")
    assert summary["epochs"] == 4 and summary["dataset_source"] == f"folder {root.resolve()}"
    assert evaluate(trained_model.load(str(tmp_path / "run")), str(root), "test")["examples"] == 6


def test_names_of_sources():
    for name in ("auto", "tf_flowers", "flower_species", "procedural", "folder", "csv", "arrays", "tfds:cifar10"):
        assert callable(sources.find(name).load)
    with pytest.raises(UsageError, match=r"name=procedual: must be one of .*tfds:.*; did you mean procedural\?$"):
        sources.find("procedual")
    with pytest.raises(ValueError, match="there is a Source 'csv' already"):
        sources.register(sources.Source("csv", sources.csv_table.load_csv))
    for name, words in (("folder", "give --config.data.dir=FOLDER"), ("csv", "give --config.data.csv=FILE")):
        with pytest.raises(UsageError, match=words):
            sources.load(Config(data=Data(name=name)))


OUTSIDE = """
from flowers_jax.data.dataset import Dataset
from flowers_jax.data.checks.collect import Candidate, collect
from flowers_jax.data.sources import procedural

def SOURCE(config):
    files = {f"mine:{i}": procedural.draw(name, i) for i, name in enumerate(sorted(procedural.PETALS) * 20)}
    candidates = [Candidate(path, sorted(procedural.PETALS)[i % 3]) for i, path in enumerate(files)]
    return collect("mine", "drawn elsewhere", candidates, files.__getitem__, config.data)

def FAILS(config):
    return 1 / 0

def NUMBER(config):
    return 7

TEXT = "no function"
"""


def test_a_source_outside_the_package_trains_goes_on_and_is_evaluated(tmp_path, capsys):
    (tmp_path / "my.py").write_text(OUTSIDE)
    name, run = f"{tmp_path}/my.py:SOURCE", tmp_path / "run"
    train = [*SMOKE, f"--config.data.name={name}", f"--workdir={run}"]
    assert script("train", *train, "--config.epochs=1") == 0
    assert script("train", *train, "--config.epochs=2") == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["epochs"] == 2 and summary["dataset"] == summary["dataset_source"] == "mine"
    assert json.loads((run / "config.json").read_text())["data.name"] == name
    capsys.readouterr()
    assert script("evaluate", f"--run={run}", f"--data={name}", "--split=test") == 0
    assert json.loads(capsys.readouterr().out)["parts"] == {"train": 0, "validation": 0, "test": 6, "other": 0}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("FAILS", "ZeroDivisionError: division by zero"),
        ("NUMBER", "returns a int, not a Dataset"),
        ("TEXT", "is a str; give a Source, or a function from a Config to a Dataset"),
        ("NONE", "has no NONE"),
    ],
)
def test_a_source_outside_the_package_that_fails_is_one_line(tmp_path, capsys, name, words):
    (tmp_path / "my.py").write_text(OUTSIDE)
    train = [*SMOKE, f"--config.data.name={tmp_path}/my.py:{name}", f"--workdir={tmp_path}/run"]
    assert script("train", *train) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --config.data.name=") and words in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_on_given_data_goes_on_with_the_same_call(runs, root, smoke, tmp_path):
    """Of a folder the command line goes on as well; arrays only the program has."""
    data = {"folder": Dataset.from_folder(root), "arrays": arrays(root, runs / "folder")}
    smoke.data.csv_label = "species"  # which the data replace
    for name in data:
        smoke.epochs = 1
        fit(smoke, tmp_path / name, data=data[name])
        smoke.epochs = 3
        if name == "folder":
            (root / "five_petals" / "new.jpg").write_bytes((root / "five_petals" / "1.jpg").read_bytes())
            (root / "three_petals" / "new.jpg").write_bytes((root / "five_petals" / "1.jpg").read_bytes())
            data[name] = Dataset.from_folder(root)
        fit(smoke, tmp_path / name, data=data[name])
        assert outcome.metrics(tmp_path / name) == outcome.metrics(runs / "folder")
        for label in ("five_petals", "three_petals"):
            (root / label / "new.jpg").unlink(missing_ok=True)
    flags = [*SMOKE, "--config.epochs=4", "--config.batch_size=16", "--config.learning_rate=0.003"]
    keys = json.loads((tmp_path / "folder" / "config.json").read_text())
    same = [f"--config.{key}={value}" for key, value in keys.items() if key == "data.dir"]
    assert script("train", *flags, *same, f"--workdir={tmp_path}/folder") == 0


def test_the_class_is_light_to_import():
    code = "import sys, flowers_jax.data.dataset; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.split(".")[0] for name in done.stdout.split()} & {"numpy", "PIL", "jax", "tensorflow"} == set()


def test_a_set_of_its_own_copies_keeps_them():
    """Those that are published are used as they are."""
    examples = (Example("a", 0, "1"), Example("b", 1, "1"))
    found = Dataset("x", "", ("one", "two"), examples, lambda _: b"")
    assert review(found).examples == () and review(replace(found, keeps_copies=True)).examples == examples
