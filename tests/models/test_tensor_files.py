"""Weight files: read without torch and without Keras, executing nothing."""

import io
import os
import pickle
import re
import subprocess
import sys
import zipfile

import h5py
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from flowers_jax.models import tensor_files
from flowers_jax.models.tensor_files import WeightsError
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
    (tmp_path / "w.pth").write_bytes(_zipped(b"\x80\x02ctorch\nBFloat16Storage\n" + state + b"b."))
    with pytest.raises(WeightsError):
        tensor_files.read(tmp_path / "w.pth")
    assert np.dtype(ml_dtypes.bfloat16).itemsize == before


BIG = 2**28


def _deflated(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def _torch_pickle(*names: str, floats: int) -> bytes:
    """Tensors that all lie in storage 0."""

    def tensor(name: str) -> bytes:
        storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x00tQ"
        size = b"J" + floats.to_bytes(4, "little") + b"\x85"
        arguments = b"(" + storage + b"K\0" + size + b"K\x01\x85\x89ccollections\nOrderedDict\n)Rt"
        return (
            b"X"
            + len(name).to_bytes(4, "little")
            + name.encode()
            + b"ctorch._utils\n_rebuild_tensor_v2\n"
            + arguments
            + b"R"
        )

    return b"\x80\x02}(" + b"".join(map(tensor, names)) + b"u."


def peak_of(path) -> tuple[str, int]:
    """What reading a file comes to, and the bytes that it takes at most, in a process of its own."""
    program = (
        "import resource, sys; from pathlib import Path; from flowers_jax.models import tensor_files as t\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak()\n"
        "try: said = sorted(t.read(Path(sys.argv[1])))\n"
        "except t.WeightsError as error: said = error\n"
        "print(said, peak() - before, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True, cwd=ROOT)
    said, peak = done.stdout.splitlines()
    return said, int(peak)


def test_sound_files_are_read_whatever_their_packing(tmp_path):
    """Against `torch_pickle` and the limits below: the same kinds of file in proportion."""
    tensor = np.arange(10, dtype=np.float32)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        members = {"w/data.pkl": _torch_pickle("a", "b", floats=10), "w/data/0": tensor.tobytes()}
        (tmp_path / "w.pth").write_bytes(_deflated(members, compression))
        found = tensor_files.read(tmp_path / "w.pth")
        assert found.keys() == {"a", "b"} and (found["b"] == tensor).all()
    np.savez_compressed(tmp_path / "w.npz", zeros=np.zeros(2**22, np.float32))  # less than 64 MiB
    assert tensor_files.read(tmp_path / "w.npz")["zeros"].shape == (2**22,)


def bomb(kind: str, path) -> None:
    if kind == "npz":
        path.write_bytes(_deflated({"a.npy": _npy(np.zeros(BIG // 4, np.float32))}))
    elif kind == "pth":
        path.write_bytes(_deflated({"w/data.pkl": _torch_pickle("a", floats=BIG // 4), "w/data/0": bytes(BIG)}))
    elif kind == "pth of one storage":
        names = [f"tensor {number}" for number in range(20)]
        path.write_bytes(
            _deflated({"w/data.pkl": _torch_pickle(*names, floats=BIG // 64), "w/data/0": bytes(BIG // 16)})
        )
    else:
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = ["layer"]
            group = file.create_group("layer")
            group.attrs["weight_names"] = ["kernel"]
            options = {"h5 of fill values": {}, "h5": {"compression": "gzip", "data": np.zeros(BIG // 4, np.float32)}}
            group.create_dataset("kernel", (BIG // 4,), "f4", chunks=(2**20,), **options[kind])


@pytest.mark.parametrize("kind", ["npz", "pth", "pth of one storage", "h5", "h5 of fill values"])
def test_what_unpacks_out_of_proportion_is_not_unpacked(tmp_path, kind):
    bomb(kind, tmp_path / "bomb")
    assert (tmp_path / "bomb").stat().st_size < 2**20
    said, peak = peak_of(tmp_path / "bomb")
    assert re.fullmatch(r"its \d+ bytes unpack to \d{9}, as no trained weights do; nothing was unpacked", said)
    assert peak < 2**25


@pytest.mark.parametrize("name", ["a.npy", "w/data.pkl"])
def test_a_header_that_says_less_than_there_is_unpacks_no_more(tmp_path, name):
    size, said = BIG - 12345, 98765
    honest = _deflated({name: bytes(size)})
    assert honest.count(size.to_bytes(4, "little")) == 2  # before the member, and in the directory
    lying = honest.replace(size.to_bytes(4, "little"), said.to_bytes(4, "little"))
    (tmp_path / "lying").write_bytes(lying)
    said, peak = peak_of(tmp_path / "lying")
    assert "Bad CRC-32" in said and peak < 2**25


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packing_that_no_writer_of_weights_uses_is_refused(tmp_path, compression):
    """`zipfile` knows no limit for these."""
    (tmp_path / "w.npz").write_bytes(_deflated({"a.npy": _npy(np.ones(3))}, compression))
    with pytest.raises(WeightsError, match=r"a\.npy is packed as torch and numpy do not pack"):
        tensor_files.read(tmp_path / "w.npz")


def test_a_pickle_that_numbers_its_memo_from_a_billion(tmp_path):
    (tmp_path / "w.pth").write_bytes(_zipped(b"\x80\x02}r" + (2**27).to_bytes(4, "little") + b"."))
    said, peak = peak_of(tmp_path / "w.pth")
    assert said == "[]" and peak < 2**25


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
