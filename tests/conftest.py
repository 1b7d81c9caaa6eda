"""Eight CPU devices in this process, a cache of its own, and small folders of drawn photographs."""

import http.server
import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import flax.linen
import jax
import matplotlib.figure
import numpy as np
import optax
import orbax.checkpoint
import pytest
from ml_collections import ConfigDict
from PIL import Image

from flowers_jax import base_config
from flowers_jax.data.sources import procedural
from tests import mobilenets

BEFORE_THE_PACKAGE = (flax.linen, matplotlib.figure, optax, orbax.checkpoint)
"""What a module of the package is the first to import is compiled from source: jaxtyping's hook renames its .pyc."""

jax.config.update("jax_num_cpu_devices", 8)
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell makes its background jobs ignore
os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
QUICK_TO_COMPILE = [
    "--xla_backend_optimization_level=0",  # LLVM's
    "--xla_cpu_parallel_codegen_split_count=1",
]
AS_USERS_DO: dict[str, Any] = {"xla_backend_optimization_level": 3}
"""Compiler options of a program that must be optimized in `make test` too."""

if jax.__version_info__ < (0, 11):  # later versions build every fusion with MLIR
    QUICK_TO_COMPILE += ["--xla_cpu_use_fusion_emitters=false"]
    AS_USERS_DO |= {"xla_cpu_use_fusion_emitters": True}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run everything")
    parser.addoption(
        "--wings", action="store_true", help="run also what stands beside the main way: packaging and the like"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Without --slow XLA compiles in a quarter of the time: programs that are not optimized, here and in subprocesses.

    With --slow tests run the programs that users run.
    """
    if not config.getoption("--slow"):
        os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *QUICK_TO_COMPILE]).strip()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = config.getoption("--slow")
    for item in items:
        if "slow" in item.keywords and not slow:
            item.add_marker(pytest.mark.skip(reason="only with --slow"))
        if "wings" in item.keywords and not (slow or config.getoption("--wings")):
            item.add_marker(pytest.mark.skip(reason="only with --wings or --slow"))


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["TFDS_DATA_DIR"] = str(tmp_path_factory.mktemp("tfds"))
    # Many tests compile the same programs, in workers and in processes of their own.
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    programs: dict[str, Any] = {
        "jax_compilation_cache_dir": str(shared / "compiled"),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_compilation_cache_max_size": 2**34,  # with a limit there is a lock
    }
    for name, value in programs.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)


@pytest.fixture
def draw() -> Callable[[int], Image.Image]:
    """A small picture that differs with its number."""

    def picture(number: int, size: tuple[int, int] = (40, 32)) -> Image.Image:
        rng = np.random.default_rng(number)
        return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), np.uint8))

    return picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """60 drawn flowers of three classes as a folder of class folders."""
    return drawn_flowers(tmp_path / "drawn flowers")


def drawn_flowers(root: Path) -> Path:
    """Twenty of each class below `root`."""
    for kind, name in enumerate(procedural.PETALS):
        (root / name).mkdir(parents=True)
        for number in range(20):
            (root / name / f"{number}.png").write_bytes(procedural.draw(name, 1000 * kind + number))
    return root


@pytest.fixture
def smoke() -> ConfigDict:
    return smoke_config()


def smoke_config() -> ConfigDict:
    """A config that trains in seconds on one device."""
    config = base_config.get_config()
    config.epochs, config.batch_size, config.learning_rate, config.devices = 3, 16, 3e-3, 1
    config.data.name, config.data.image_size = "procedural", 28
    config.model.name, config.model.weights, config.model.freeze = "seed_cnn", "none", "none"
    return config


@pytest.fixture(params=mobilenets.DEPTHS)
def mobilenet(request: pytest.FixtureRequest) -> Iterator[None]:
    """MobileNetV2 has eight blocks, and its seventeen with --slow."""
    with mobilenets.of_blocks(request.param):
        yield


def png(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def keras_image() -> Any:
    """The module with Keras's `ImageDataGenerator`."""
    from keras.src.legacy.preprocessing import image

    return image


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def http_folder(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """(address, folder) of a local HTTP server."""
    root = tmp_path / "www"
    root.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", root
        server.shutdown()
        thread.join()
