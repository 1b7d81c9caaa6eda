"""Small weight files that would become large: refused before they are unpacked."""

import io
import re
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

from flowers_jax.models.weights import tensor_files
from flowers_jax.models.weights.tensor_files import WeightsError
from tests.conftest import ROOT
from tests.models.test_tensor_files import zipped

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
        "import resource, sys; from pathlib import Path; from flowers_jax.models.weights import tensor_files as t\n"
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
    (tmp_path / "w.pth").write_bytes(zipped(b"\x80\x02}r" + (2**27).to_bytes(4, "little") + b"."))
    said, peak = peak_of(tmp_path / "w.pth")
    assert said == "[]" and peak < 2**25
