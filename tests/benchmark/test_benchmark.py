"""The command on the smallest model: real programs in real processes."""

import json
import os
import subprocess
import sys

import jax
import keras  # before `benchmarks` does: see BEFORE_THE_PACKAGE
import pytest

from benchmarks import CLASSES, SIZES, keras_peer, ours, program, rounds, separable
from benchmarks.rounds import PEERS
from flowers_jax import models
from flowers_jax.models import summary
from tests.conftest import ROOT
from tests.scripts.commands import script

BLOCKER = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {names} else found(name, package)
"""


def benchmark(*arguments: object, blocked: tuple[str, ...] = (), tmp_path=None) -> subprocess.CompletedProcess[str]:
    """The script in a machine where the `blocked` packages are not installed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    if blocked:
        (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(names=blocked))
        environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{ROOT}"
    command = [sys.executable, str(ROOT / "scripts" / "benchmark.py"), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_ours_trains_on_the_statistics_of_the_batch_as_the_peers_do(monkeypatch):
    asked = {}

    def map_step(step, *_, **__):
        asked.update(step.keywords)
        raise InterruptedError

    monkeypatch.setattr(ours.parallel, "map_step", map_step)
    with pytest.raises(InterruptedError):
        ours.build("mobilenet_v2", 8)
    assert asked["batch_norm"] == "batch" and not asked.get("frozen")


@pytest.mark.slow
@pytest.mark.parametrize("peers", ["jax,jax-tuned", "keras,jax", "keras-gpu,jax-gpu"])
def test_figures_of_ours_and_its_peers(tmp_path, peers):
    file, trace = tmp_path / "figures.json", tmp_path / "trace"
    done = benchmark(
        f"--peers={peers}", "--what=seed_cnn,decode", "--rounds=1", "--batch=8", f"--json={file}", f"--profile={trace}"
    )
    assert done.returncode == 0, done.stderr
    entries = json.loads(file.read_text())
    names = ["ours", *(program for peer in peers.split(",") for program in PEERS[peer])]
    names = list(dict.fromkeys(names))
    expected = [(f"seed_cnn/{what}", name) for name in names for what in ("train", "inference")]
    assert [(entry["what"], entry["who"]) for entry in entries] == [*expected, ("decode", "ours")]
    for entry in entries:
        assert entry.keys() >= {"what", "who", "backend", "dtype", "batch", "images_per_second", "rounds"}
        assert entry["rounds"] == [entry["images_per_second"]] and entry["images_per_second"] > 0
        assert entry["batch"] == (1 if entry["what"] == "decode" else 8)
    assert entries[0]["first_step_seconds"] > 0 and entries[0]["warm_first_step_seconds"] > 0
    assert entries[0]["peak_megabytes"] > 100
    assert "seed_cnn/train" in done.stdout and f"round 1 of 1: seed_cnn, {names[1]}" in done.stderr
    assert {path.name.partition(".")[2] for path in trace.rglob("*") if path.is_file()} >= {"xplane.pb"}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_plain_flax_is_measured_with_our_convolutions_and_without(monkeypatch):
    monkeypatch.setattr(separable, "SIZE", 32)
    monkeypatch.setattr(separable, "median_seconds", lambda run: 1 if jax.tree.leaves(run()) else None)
    names = ["train, nn.Conv", "inference, nn.Conv", "train, ops", "inference, ops"]
    assert separable.main(2)["rates"] == dict.fromkeys(names, 2)


def test_a_peer_that_is_missing_is_left_out_and_tensorflow_is_not_needed(tmp_path):
    done = benchmark(
        "--peers=keras,torch", "--what=seed_cnn", "--rounds=1", "--batch=8",
        blocked=("keras", "torch", "tensorflow"), tmp_path=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for peer in ("keras", "torch"):
        assert f"{peer} is not installed and left out: pip install" in done.stderr
    assert "ours" in done.stdout and "keras" not in done.stdout


def test_a_program_that_fails_is_named_and_the_others_go_on(monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    assert script("benchmark", "--peers=keras", "--what=seed_cnn", "--rounds=1", "--batch=8") == 1
    out, err = capsys.readouterr()
    assert "ours" in out and "keras" not in out
    assert "ValueError: Unable to import backend : nonsense" in err


def test_a_run_that_is_stopped_has_written_what_it_measured(monkeypatch, tmp_path):
    def run(who, model, batch, *_):
        if model == "augment":
            raise KeyboardInterrupt
        return rounds.Round(who, model, batch, {"rates": {model: 2.0}, "backend": "cpu", "dtype": "", "version": ""})

    monkeypatch.setattr(rounds, "_run", run)
    file = tmp_path / "figures.json"
    assert script("benchmark", "--what=decode,augment", "--rounds=1", f"--json={file}") == 130
    assert [(entry["what"], entry["images_per_second"]) for entry in json.loads(file.read_text())] == [("decode", 2)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--peers=caffe"],
            "--peers=caffe: 'caffe' is none of keras, torch, keras-gpu, torch-gpu, jax, jax-tuned, jax-gpu",
        ),
        (
            ["--what=resnet"],
            "--what=resnet: 'resnet' is none of mobilenet_v2, efficientnet_lite, cnn, seed_cnn, augment, decode",
        ),
        (["--what="], "one at least of each"),
        (["--rounds=0"], "--rounds=0"),
        (["--batch=64,many"], "--batch=64,many"),
        (["--json=missing/figures.json"], "--json=missing/figures.json: must be a file in a directory"),
        (["--json=."], "--json=.: must be a file in a directory that can be written"),
        (["--profile=/dev/null/trace"], "--profile=/dev/null/trace: "),
    ],
)
def test_mistakes_are_one_line_before_any_work(capsys, arguments, message):
    assert script("benchmark", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1


@pytest.mark.parametrize("model", SIZES)
def test_keras_trains_the_same_network(model):
    network: keras.Model = keras_peer.NETWORKS[model](SIZES[model])
    rows = summary.layers(models.create(model, CLASSES), SIZES[model])
    assert network.count_params() == sum(row.parameters + row.statistics for row in rows)


@pytest.mark.parametrize("model", SIZES)
def test_torch_trains_the_same_network(model):
    pytest.importorskip("torch")
    from benchmarks import torch_networks

    network = torch_networks.NETWORKS[model](SIZES[model])
    rows = summary.layers(models.create(model, CLASSES), SIZES[model])
    assert sum(leaf.numel() for leaf in network.parameters()) == sum(row.parameters for row in rows)


@pytest.mark.parametrize("name", ["amp", "compiled", "amp_compiled"])
def test_torch_in_mixed_precision_and_compiled(name):
    pytest.importorskip("torch")
    from benchmarks import torch_peer

    made = getattr(torch_peer, name)("seed_cnn", 4)
    made.train()
    assert made.dtype == ("bfloat16" if "amp" in name else "float32") and made.predict().shape == (4, CLASSES)


def test_the_bytes_of_a_step_and_the_bandwidth_are_measured(monkeypatch):
    """Only a GPU or a TPU shows them; this is a CPU that says it is none. A step reads its parameters at least."""
    monkeypatch.setattr(ours.jax, "default_backend", lambda: "gpu")
    made = ours.build("seed_cnn", 8)
    parameters = sum(row.parameters for row in summary.layers(models.create("seed_cnn", CLASSES), SIZES["seed_cnn"]))
    assert made.step_bytes > 4 * parameters and program.bandwidth() > 1e8
