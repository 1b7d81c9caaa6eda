"""Weight files as name -> array, without torch and without executing anything.

`.safetensors`, `.npz` and `.h5` hold no code. A `.pth` is a pickle, which does: it is read by an unpickler that knows
the few names a state_dict is made of and refuses every other. Both of torch's layouts are read, the zip archive of
1.6 and later and the legacy stream before it (`torch/serialization.py`). Of `.h5` the layout with variable names is
(Keras `legacy/saving/legacy_h5_format.py`).
"""

import collections
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
        WeightsError: neither of these, truncated, or a pickle that wants more than tensors.
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
        return _read_npz(data) if _holds_npy(data) else _read_zip(data)
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


class _TensorUnpickler(pickle.Unpickler):
    """Constructs ordered dicts and tensors, and nothing else."""

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
        if kind != "storage" or not isinstance(storage_type, _StorageType):
            raise WeightsError(f"its pickle refers to {kind!r}, which is no storage")
        return _Storage(str(key), storage_type)


def _rebuild_tensor(storage: _Storage, offset: int, shape: tuple, strides: tuple, *_: Any) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _read_zip(data: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (index,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
        tensors = _tensors(_TensorUnpickler(io.BytesIO(archive.read(index))).load())
        folder = index.removesuffix("data.pkl") + "data/"
        return {name: t.array(archive.read(folder + t.storage.key)) for name, t in tensors.items()}


def _read_legacy(data: bytes) -> dict[str, np.ndarray]:
    stream = io.BytesIO(data)
    if _TensorUnpickler(stream).load() != _MAGIC:
        raise WeightsError("a pickle, but not one that torch.save wrote")
    _TensorUnpickler(stream).load()  # protocol version
    _TensorUnpickler(stream).load()  # byte order and type sizes of the writer
    tensors = _tensors(_TensorUnpickler(stream).load())
    dtypes = {t.storage.key: t.storage.dtype for t in tensors.values()}
    raw: dict[str, bytes] = {}
    for key in _TensorUnpickler(stream).load():
        size = int.from_bytes(stream.read(8), "little") * dtypes[key].itemsize
        raw[key] = stream.read(size)
        if len(raw[key]) != size:
            raise WeightsError(f"truncated: storage {key} has {len(raw[key])} of {size} bytes")
    return {name: t.array(raw[t.storage.key]) for name, t in tensors.items()}


def _holds_npy(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return all(name.endswith(".npy") for name in archive.namelist())


def _read_npz(data: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name.removesuffix(":0"): arrays[name] for name in arrays.files}


def _read_h5(data: bytes) -> dict[str, Any]:
    with h5py.File(io.BytesIO(data), "r") as file:
        top: Any = _inside(file, "model_weights") if file.get("model_weights", getlink=True) else file
        if not (layers := _names(top, "layer_names")):
            raise WeightsError("an .h5 file without names of layers (Keras 3 writes such .weights.h5); give an .npz")
        found = {}
        for group in (_inside(top, layer) for layer in layers):
            for name in _names(group, "weight_names"):
                found[name.removesuffix(":0")] = _inside(group, name)[()]
        return found


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


def _tensors(loaded: Any) -> dict[str, _Tensor]:
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not all(isinstance(t, _Tensor) for t in loaded.values()):
        raise WeightsError("a pickle, but not of a state_dict")
    return loaded
