"""Weight files as name -> array, without torch and without executing anything.

`.safetensors`, `.npz` and `.h5` hold no code. A `.pth` is a pickle, which does: it is read by an unpickler that knows
the few names a state_dict is made of and refuses every other. Both of torch's layouts are read, the zip archive of
1.6 and later and the legacy stream before it (`torch/serialization.py`). Of `.h5` the layout with variable names is
(Keras `legacy/saving/legacy_h5_format.py`).
"""

import collections
import functools
import io
import math
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from flowers_jax.errors import first_line

_MAGIC = 0x1950A86A20F9469CFC6C
_HDF5 = b"\x89HDF\r\n\x1a\n"
_MOST_TIMES, _ALWAYS_BYTES = 100, 2**26
_DTYPES = {
    "FloatStorage": np.dtype("<f4"), "DoubleStorage": np.dtype("<f8"), "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16), "LongStorage": np.dtype("<i8"), "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"), "CharStorage": np.dtype("i1"), "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}  # fmt: skip


class WeightsError(ValueError):
    """The file is no weights file, or not a whole one."""


def read(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of a `.safetensors`, `.pth`, `.npz` or `.h5` file; the content decides which it is.

    Raises:
        WeightsError: neither of these, truncated, a pickle that wants more than tensors, or unpacked more than 64 MiB
            and 100 times the file, which no trained weights are.
    """
    data = path.read_bytes()
    try:
        tensors = _read(data)
        if odd := sorted(name for name, tensor in tensors.items() if not _is_numbers(tensor)):
            raise WeightsError(f"{odd[0]} holds no numbers")
        return tensors
    except WeightsError:
        raise
    except Exception as error:  # a hostile file may fail in any way; none of them is a bug of ours
        what = "not a .safetensors, .pth, .npz or .h5 file, or a damaged one"
        raise WeightsError(f"{what} ({first_line(error)})") from error


def _read(data: bytes) -> dict[str, Any]:
    if data.startswith(_HDF5):
        return _read_h5(data)
    if zipfile.is_zipfile(io.BytesIO(data)):
        return _read_zip(data)
    if data[:1] == b"\x80" and data[8:9] != b"{":  # a pickle's first byte, and not the length of a JSON header
        return _read_legacy(data)
    return safetensors.numpy.load(data)


def _is_numbers(tensor: Any) -> bool:
    return isinstance(tensor, np.ndarray | np.generic) and (
        tensor.dtype.kind in "biuf" or tensor.dtype in _DTYPES.values()
    )


class _StorageType(NamedTuple):
    """What the pickle gets for `torch.FloatStorage`: inert, where a dtype would let it set its state."""

    name: str


class _Storage(NamedTuple):
    """A reference to raw numbers, as the pickle makes it."""

    key: str
    type: _StorageType

    @property
    def dtype(self) -> np.dtype:
        return _DTYPES[self.type.name]


class _Tensor(NamedTuple):
    """A view into a storage; strides count elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def array(self, raw: bytes) -> np.ndarray:
        flat = np.frombuffer(raw, self.storage.dtype)
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if min((self.offset, *self.shape, *self.strides), default=0) < 0 or (
            math.prod(self.shape) and (last >= flat.size or math.prod(self.shape) > flat.size)
        ):
            raise WeightsError("a tensor reaches out of its storage")
        steps = [s * flat.itemsize for s in self.strides]
        return np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps).copy()


class _TensorUnpickler(pickle._Unpickler):
    """Constructs ordered dicts and tensors, and nothing else.

    The one in Python, for the one in C takes as much memory as ten bytes of a pickle ask for (64 GB, to number a memo).
    """

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return _StorageType(name)
        allowed: dict[tuple[str, str], Callable] = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
        }
        if (module, name) not in allowed:
            raise WeightsError(f"its pickle asks for {module}.{name}, which is no tensor; nothing was executed")
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage_type, key, *_ = pid
        # What else it may be is not printed: tuples of tuples of one thing grow without end in words.
        if kind != "storage" or not isinstance(storage_type, _StorageType) or not isinstance(key, str | int):
            raise WeightsError("its pickle refers to something that is no storage")
        return _Storage(str(key), storage_type)


def _rebuild_tensor(storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _check_size(unpacked: int, data: bytes) -> None:
    """Before it is unpacked. Weights are stored, or deflated to not much less; a bomb to a thousandth and less."""
    if unpacked > max(_ALWAYS_BYTES, _MOST_TIMES * len(data)):
        raise WeightsError(
            f"its {len(data)} bytes unpack to {unpacked}, as no trained weights do; nothing was unpacked"
        )


def _read_zip(data: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _check_size(sum(member.file_size for member in archive.infolist()), data)
        if all(name.endswith(".npy") for name in archive.namelist()):
            return _read_npz(archive)
        (index,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        tensors = _tensors(_TensorUnpickler(io.BytesIO(_member(archive, index))).load(), data)
        storage = functools.cache(lambda key: _member(archive, index.removesuffix("data.pkl") + "data/" + key))
        return {name: t.array(storage(t.storage.key)) for name, t in tensors.items()}


def _read_npz(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    members = {name: io.BytesIO(_member(archive, name)) for name in archive.namelist()}
    return {
        name.removesuffix(".npy").removesuffix(":0"): np.lib.format.read_array(member, allow_pickle=False)
        for name, member in members.items()
    }


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """No more than it says it has: `ZipFile.read` unpacks up to 2 GiB before it looks, `np.load` with it."""
    info = archive.getinfo(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise WeightsError(f"{name} is packed as torch and numpy do not pack")
    with archive.open(info) as member:
        return member.read(info.file_size)


def _read_legacy(data: bytes) -> dict[str, np.ndarray]:
    stream = io.BytesIO(data)
    if _TensorUnpickler(stream).load() != _MAGIC:
        raise WeightsError("a pickle, but not one that torch.save wrote")
    _TensorUnpickler(stream).load()  # protocol version
    _TensorUnpickler(stream).load()  # byte order and type sizes of the writer
    tensors = _tensors(_TensorUnpickler(stream).load(), data)
    dtypes = {t.storage.key: t.storage.dtype for t in tensors.values()}
    raw: dict[str, bytes] = {}
    for key in _TensorUnpickler(stream).load():
        size = int.from_bytes(stream.read(8), "little") * dtypes[key].itemsize
        raw[key] = stream.read(size)
        if len(raw[key]) != size:
            raise WeightsError(f"truncated: storage {key} has {len(raw[key])} of {size} bytes")
    return {name: t.array(raw[t.storage.key]) for name, t in tensors.items()}


def _read_h5(data: bytes) -> dict[str, Any]:
    with h5py.File(io.BytesIO(data), "r") as file:
        top: Any = _inside(file, "model_weights") if file.get("model_weights", getlink=True) else file
        if not (layers := _names(top, "layer_names")):
            raise WeightsError("an .h5 file without names of layers (Keras 3 writes such .weights.h5); give an .npz")
        found: dict[str, Any] = {}
        for group in (_inside(top, layer) for layer in layers):
            found |= {name.removesuffix(":0"): _inside(group, name) for name in _names(group, "weight_names")}
        if odd := [name for name, dataset in found.items() if dataset.dtype.hasobject]:
            raise WeightsError(f"{odd[0]} holds no numbers")
        _check_size(sum(map(_unpacked, found.values())), data)
        return {name: dataset[()] for name, dataset in found.items()}


def _unpacked(dataset: h5py.Dataset) -> int:
    """Bytes that reading it takes: a chunk is unpacked whole, however little of it is in use."""
    return max(dataset.size or 0, math.prod(dataset.chunks or ())) * dataset.dtype.itemsize


def _inside(group: Any, path: str) -> Any:
    """What lies there in this very file: links could lead to any other on the machine."""
    for part in path.split("/"):
        if not isinstance(group.get(part, getlink=True), h5py.HardLink):
            raise WeightsError(f"{path} is missing, or a link; no other file was opened")
        group = group[part]
    if isinstance(group, h5py.Dataset) and (group.external or group.is_virtual):
        raise WeightsError(f"{path} lies in another file, which was not opened")
    return group


def _names(group: Any, attribute: str) -> list[str]:
    """Keras cuts a long list into `layer_names0`, `layer_names1`, ..."""
    if attribute in group.attrs:
        chunks = [group.attrs[attribute]]
    else:
        chunks = [group.attrs[key] for key in sorted(group.attrs, key=len) if key.removeprefix(attribute).isdecimal()]
    return [name.decode() if isinstance(name, bytes) else str(name) for chunk in chunks for name in chunk]


def _tensors(loaded: Any, data: bytes) -> dict[str, _Tensor]:
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not all(isinstance(t, _Tensor) for t in loaded.values()):
        raise WeightsError("a pickle, but not of a state_dict")
    _check_size(sum(abs(math.prod(t.shape)) * t.storage.dtype.itemsize for t in loaded.values()), data)
    return loaded
