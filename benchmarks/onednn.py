"""How far a CPU could go: the models with oneDNN's convolutions, which PyTorch runs, in turn with our own.

    pip install --prefix=FOLDER onednn-cpu-gomp==2023.2.0 onednn-devel-cpu-gomp==2023.2.0
    GLIBC_TUNABLES=glibc.malloc.hugetlb=1 OMP_WAIT_POLICY=passive python -m benchmarks.onednn FOLDER MODEL [ROUNDS]

It needs a C++ compiler, and prints how many times as fast the model is with oneDNN: the median of the rounds, the least
and the largest. Pointwise and depthwise convolutions stay ours. docs/convolution.md has the figures.
"""

import ctypes
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from unittest import mock

import jax
import numpy as np
from jaxtyping import Array, Float

from benchmarks import ours
from benchmarks.program import Program
from flowers_jax.ops import convolution
from flowers_jax.ops.geometry import Zeros, geometry

Image = Float[Array, "_batch _height _width _channels"]
Kernel = Float[Array, "_kh _kw _inputs _outputs"]

SOURCE = Path(__file__).with_suffix(".cc")
BATCH, WARM_UPS, SECONDS = 32, 2, 0.5
FORWARD, INPUT_GRADIENT, KERNEL_GRADIENT = range(3)


def register(folder: Path) -> None:
    """Compile the call with the oneDNN that is in `folder`, for JAX to make it."""
    folder = folder.resolve()
    with tempfile.TemporaryDirectory() as made:
        library = Path(made) / "onednn_convolution.so"
        places = [f"-I{jax.ffi.include_dir()}", f"-I{folder}/include", f"-L{folder}/lib", f"-Wl,-rpath,{folder}/lib"]
        command = ["g++", "-std=c++17", "-O2", "-w", "-shared", "-fPIC", SOURCE, "-o", library, *places, "-ldnnl"]
        subprocess.run(command, check=True)
        call = jax.ffi.pycapsule(ctypes.CDLL(str(library)).Convolution)
    jax.ffi.register_ffi_target("onednn_convolution", call, platform="cpu")


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv(x: Image, kernel: Kernel, stride: int, zeros: Zeros) -> Image:
    """As `ops.plain_conv`, without dilation."""
    _, room = geometry(x.shape, kernel.shape, stride, zeros)
    return _call(FORWARD, (x, kernel), (len(x), *room, kernel.shape[3]), stride, zeros)


def _forward(x: Image, kernel: Kernel, *static) -> tuple[Image, tuple[Image, Kernel]]:
    return conv(x, kernel, *static), (x, kernel)


def _backward(stride: int, zeros: Zeros, saved: tuple[Image, Kernel], dy: Image) -> tuple[Image, Kernel]:
    x, kernel = saved
    dx = _call(INPUT_GRADIENT, (dy, kernel), x.shape, stride, zeros)
    return dx, kernel_grad(x, dy, stride, zeros, kernel.shape[:2])


conv.defvjp(_forward, _backward)


def kernel_grad(x: Image, dy: Image, stride: int, zeros: Zeros, size: Sequence[int] = (3, 3)) -> Kernel:
    """dL/dw for a kernel of `size`."""
    return _call(KERNEL_GRADIENT, (x, dy), (*size, x.shape[3], dy.shape[3]), stride, zeros)


def _call(kind: int, arrays: Sequence[Array], shape: Sequence[int], stride: int, zeros: Zeros) -> Array:
    (top, bottom), (left, right) = zeros
    numbers = {"kind": kind, "stride": stride, "top": top, "bottom": bottom, "left": left, "right": right}
    call = jax.ffi.ffi_call("onednn_convolution", jax.ShapeDtypeStruct(shape, np.float32))
    return call(*arrays, **{name: np.int64(number) for name, number in numbers.items()})


def seconds(call: Callable[[], object]) -> float:
    """Of one call, repeated for a while."""
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < SECONDS:
        call()
        count += 1
    return (time.perf_counter() - begin) / count


def main(folder: str, model: str, rounds: int = 15) -> dict[str, list[float]]:
    """How many times as fast training and inference are with oneDNN: medians, the least, the largest."""
    register(Path(folder))
    mine, theirs = ours.build(model, BATCH), ours.build(model, BATCH)
    warm_up(mine)
    with mock.patch.multiple(
        convolution,
        plain_conv=lambda x, kernel, stride, zeros, _: conv(x, kernel, stride, zeros),
        image_conv=lambda x, kernel, stride, zeros, _: conv(x, kernel, stride, zeros),
        winograd_conv=lambda x, kernel, zeros: conv(x, kernel, 1, zeros),
    ):
        warm_up(theirs)  # which traces
    found = {}
    for what in ("train", "predict"):
        ratios = [seconds(getattr(mine, what)) / seconds(getattr(theirs, what)) for _ in range(rounds)]
        found[what] = [round(of(ratios), 3) for of in (statistics.median, min, max)]
    return found


def warm_up(program: Program) -> None:
    for _ in range(WARM_UPS):
        program.train()
        program.predict()


if __name__ == "__main__":
    folder, model, *rounds = sys.argv[1:]
    print(json.dumps(main(folder, model, *map(int, rounds))))
