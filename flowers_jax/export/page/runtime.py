"""ONNX Runtime Web, which runs the model in a browser: one thread of WebAssembly, without the parts for GPUs."""

import tarfile
from importlib import resources
from pathlib import Path

from flowers_jax.errors import UsageError
from flowers_jax.storage import fetch

PACKAGE = "onnxruntime-web@1.30.0"
ARCHIVE = "onnxruntime-web-1.30.0.tgz"
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"

FILES = {"ort.js": "package/dist/ort.wasm.bundle.min.mjs", "ort.wasm": "package/dist/ort-wasm-simd-threaded.wasm"}
"""By the names that the page has for them: some servers do not know that .mjs is JavaScript."""

LICENCES = ("LICENSE", "ThirdPartyNotices.txt")
"""Of ONNX Runtime, in its package for Python; that for the browser names its licence, MIT, and has no text."""


def unpack(folder: Path) -> None:
    """Write `FILES` and `LICENCES` to a new folder; the archive is downloaded once, into the cache.

    Raises:
        UsageError: it cannot be downloaded.
    """
    try:
        archive = fetch.cached(ARCHIVE, SHA256) or fetch.from_npm(PACKAGE, ARCHIVE, SHA256)
    except fetch.FetchError as error:
        raise UsageError(f"--format=page: the runtime of the browser is missing: {error}") from error
    folder.mkdir()
    with tarfile.open(archive) as unpacked:
        for name, member in FILES.items():
            if (file := unpacked.extractfile(member)) is not None:
                (folder / name).write_bytes(file.read())
    for name in LICENCES:
        (folder / name).write_bytes((resources.files("onnxruntime") / name).read_bytes())
