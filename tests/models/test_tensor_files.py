"""Weight files: read without torch and without Keras, executing nothing."""

import io
import os
import pickle
import zipfile

import h5py
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from flowers_jax.models.weights import tensor_files
from flowers_jax.models.weights.tensor_files import WeightsError
from tests.conftest import ROOT, keras_image

GOLDENS = ROOT / "tests" / "goldens"


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


def zipped(payload: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", payload)
    return stream.getvalue()


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("wrap", [bytes, zipped])
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
    storage = tensor_files._Storage("0", tensor_files._StorageType("FloatStorage"))
    with pytest.raises(WeightsError, match="reaches out"):
        tensor_files._Tensor(storage, offset, (2,), (1,)).array(bytes(24))
    with pytest.raises(WeightsError, match="reaches out"):
        tensor_files._Tensor(storage, 0, (10**10,), (0,)).array(bytes(24))


NAMES = {"Conv1/kernel:0": np.ones((3, 3, 3, 8), np.float32), "bn_Conv1/gamma:0": np.arange(8, dtype=np.float32)}
PLAIN = {name.removesuffix(":0"): value for name, value in NAMES.items()}


def same(tensors):
    assert tensors.keys() == PLAIN.keys()
    for name, value in PLAIN.items():
        np.testing.assert_array_equal(tensors[name], value)


def write_h5(path, names=NAMES, inside=""):
    with h5py.File(path, "w") as file:
        top = file.create_group(inside) if inside else file
        layers = sorted({name.split("/")[0] for name in names})
        top.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer in layers:
            group = top.create_group(layer)
            own = [name for name in names if name.startswith(f"{layer}/")]
            group.attrs["weight_names"] = [name.encode() for name in own]
            for name in own:
                group[name] = names[name]


@pytest.mark.parametrize("inside", ["", "model_weights"])
def test_keras_h5(tmp_path, inside):
    write_h5(tmp_path / "w.h5", inside=inside)
    same(tensor_files.read(tmp_path / "w.h5"))


def test_an_h5_that_keras_wrote(tmp_path):
    keras_image()
    import keras
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    layer = keras.layers.Conv2D(8, 3, use_bias=False, name="Conv1")
    inputs = keras.Input((9, 9, 3))
    model = keras.Model(inputs, layer(inputs))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        save_weights_to_hdf5_group(file, model)
    tensors = tensor_files.read(tmp_path / "w.h5")
    np.testing.assert_array_equal(tensors["Conv1/kernel"], layer.kernel)
    model.save_weights(tmp_path / "new.weights.h5")
    with pytest.raises(WeightsError, match=r"without names of layers .Keras 3 writes such"):
        tensor_files.read(tmp_path / "new.weights.h5")


def test_long_lists_of_names_are_put_together(tmp_path):
    write_h5(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        first, second = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [first], [second]
    same(tensor_files.read(tmp_path / "w.h5"))


def test_an_h5_may_not_lead_into_other_files(tmp_path):
    write_h5(tmp_path / "other.h5")
    for link in (h5py.ExternalLink("other.h5", "/Conv1"), h5py.SoftLink("/elsewhere")):
        write_h5(tmp_path / "w.h5")
        with h5py.File(tmp_path / "w.h5", "r+") as file:
            del file["Conv1"]
            file["Conv1"] = link
        with pytest.raises(WeightsError, match="Conv1 is missing, or a link; no other file was opened"):
            tensor_files.read(tmp_path / "w.h5")
    (tmp_path / "raw.bin").write_bytes(bytes(32))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [b"Conv1"]
        group = file.create_group("Conv1")
        group.attrs["weight_names"] = [b"kernel"]
        group.create_dataset("kernel", (8,), "f4", external=[(str(tmp_path / "raw.bin"), 0, 32)])
    with pytest.raises(WeightsError, match="lies in another file, which was not opened"):
        tensor_files.read(tmp_path / "w.h5")


def test_npz(tmp_path):
    np.savez(tmp_path / "w.npz", **NAMES)
    same(tensor_files.read(tmp_path / "w.npz"))


def test_an_npz_with_objects_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "evil.npz", weight=np.array(_Attack(), dtype=object))
    with pytest.raises(WeightsError, match="allow_pickle=False"):
        tensor_files.read(tmp_path / "evil.npz")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", ["h5", "npz"])
def test_truncated_keras_files_are_refused(tmp_path, kind, share):
    write_h5(tmp_path / "w.h5")
    np.savez(tmp_path / "w.npz", **NAMES)
    data = (tmp_path / f"w.{kind}").read_bytes()
    (tmp_path / "cut").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError):
        tensor_files.read(tmp_path / "cut")


def test_a_safetensors_that_begins_as_a_pickle_does(tmp_path):
    """The first byte is the lowest of the header's length; a pickle's is 0x80."""
    array = np.arange(3, dtype=np.float32)
    for padding in range(300):
        data = safetensors.numpy.save({"a": array}, {"note": "x" * padding})
        if data[0] == 0x80:
            break
    (tmp_path / "w.safetensors").write_bytes(data)
    assert data[0] == 0x80
    np.testing.assert_array_equal(tensor_files.read(tmp_path / "w.safetensors")["a"], array)


def test_a_pickle_cannot_change_a_dtype(tmp_path):
    """BUILD calls `__setstate__` of what it finds, which a dtype of ml_dtypes would follow."""
    before = np.dtype(ml_dtypes.bfloat16).itemsize
    state = pickle.dumps((3, "<", None, None, None, 999, 1, 0), protocol=2)[2:-1]
    (tmp_path / "w.pth").write_bytes(zipped(b"\x80\x02ctorch\nBFloat16Storage\n" + state + b"b."))
    with pytest.raises(WeightsError):
        tensor_files.read(tmp_path / "w.pth")
    assert np.dtype(ml_dtypes.bfloat16).itemsize == before


@pytest.mark.parametrize("kind", ["npz", "h5", "h5 of text"])
def test_what_holds_no_numbers_is_refused_by_name(tmp_path, kind):
    path = tmp_path / f"w.{kind}"
    if kind == "npz":
        np.savez(path, petals=np.array(["red"]))
    else:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = ["layer"]
            group = file.create_group("layer")
            group.attrs["weight_names"] = ["petals"]
            group["petals"] = h5py.Empty("f4") if kind == "h5" else ["red"] * 3
    with pytest.raises(WeightsError, match="petals holds no numbers"):
        tensor_files.read(path)
