"""The metadata of a TFLite file: what MediaPipe Tasks read, and the description of this package.

Source: MediaPipe, `mediapipe/tasks/metadata/metadata_schema.fbs`. The metadata is a flatbuffer within that of the
model. The files that it names follow the model as a zip archive, uncompressed. MediaPipe's own writer is not used,
because it cannot be imported from the packages of PyPI (`mediapipe` 1.2.3).
"""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from flowers_jax.export.tflite import flatbuffer

NAME, IDENTIFIER, PARSER = "TFLITE_METADATA", b"M001", "1.0.0"
LABELS, DESCRIPTION = "labels.txt", "description.json"
TENSOR_AXIS_LABELS, RGB = 2, 1
FEATURE_PROPERTIES, IMAGE_PROPERTIES, NORMALIZATION_OPTIONS = 1, 2, 1


def add(whole: bytes, description: Mapping[str, Any]) -> bytes:
    """A TFLite file with its metadata, labels and description.

    Args:
        description: of `export.description.describe`.
    """
    model = flatbuffer.unpack(whole)
    model.metadata = model.metadata or []
    model.metadata.append(schema.MetadataT(NAME, len(model.buffers)))
    model.buffers.append(schema.BufferT(np.frombuffer(_metadata(description), np.uint8)))
    archive = io.BytesIO(packed := flatbuffer.pack(model))
    archive.seek(len(packed))
    # A line for each class: MediaPipe would take a name of two lines for two classes.
    labels = "\n".join(" ".join(name.splitlines()) for name in description["classes"])
    with zipfile.ZipFile(archive, "a") as files:
        for name, text in ((LABELS, labels), (DESCRIPTION, json.dumps(description, indent=2))):
            files.writestr(zipfile.ZipInfo(name), text)
    return archive.getvalue()


def description(whole: bytes) -> dict[str, Any]:
    """What `add` was given.

    Raises:
        ValueError, KeyError: it is no such file.
    """
    with zipfile.ZipFile(io.BytesIO(whole)) as files:
        return json.loads(files.read(DESCRIPTION))


def _metadata(description: Mapping[str, Any]) -> bytes:
    """A `ModelMetadata`; the numbers are the places of the fields in the tables of the schema."""
    b = flatbuffers.Builder(0)
    normalization = _table(b, {0: _floats(b, 0.0), 1: _floats(b, 1.0)})  # mean, std: the model normalizes
    image = _table(
        b,
        {
            0: b.CreateString("image"),
            1: b.CreateString(description["input"]),
            3: _table(b, {1: _table(b, {}, {0: RGB})}, {0: IMAGE_PROPERTIES}),  # content
            4: _vector(b, [_table(b, {1: normalization}, {0: NORMALIZATION_OPTIONS})]),  # process_units
            5: _table(b, {0: _floats(b, 255.0), 1: _floats(b, 0.0)}),  # stats: max, min
        },
    )
    probabilities = _table(
        b,
        {
            0: b.CreateString("probability"),
            1: b.CreateString(description["output"]),
            3: _table(b, {1: _table(b, {})}, {0: FEATURE_PROPERTIES}),
            5: _table(b, {0: _floats(b, 1.0), 1: _floats(b, 0.0)}),
            6: _vector(b, [_file(b, LABELS, "The classes in the order of the output.", TENSOR_AXIS_LABELS)]),
        },
    )
    subgraph = _table(b, {2: _vector(b, [image]), 3: _vector(b, [probabilities])})
    model = {
        0: b.CreateString(description["model"]),
        1: b.CreateString(f"Names the class of a photograph. Written by flowers_jax {description['flowers_jax']}."),
        3: _vector(b, [subgraph]),
        5: b.CreateString(description["licence"]),
        6: _vector(b, [_file(b, DESCRIPTION, "How to prepare a photograph, and what the model was made from.")]),
        7: b.CreateString(PARSER),
    }
    b.Finish(_table(b, model), IDENTIFIER)
    return bytes(b.Output())


def _table(b: flatbuffers.Builder, references: Mapping[int, int], bytes_: Mapping[int, int] | None = None) -> int:
    """A table with references to what is already written, and with numbers of one byte, by their places."""
    numbers = bytes_ or {}
    b.StartObject(1 + max((*references, *numbers), default=-1))
    for place, reference in references.items():
        b.PrependUOffsetTRelativeSlot(place, reference, 0)
    for place, number in numbers.items():
        b.PrependInt8Slot(place, number, 0)
    return b.EndObject()


def _vector(b: flatbuffers.Builder, references: Sequence[int]) -> int:
    b.StartVector(4, len(references), 4)
    for reference in reversed(references):
        b.PrependUOffsetTRelative(reference)
    return b.EndVector()


def _floats(b: flatbuffers.Builder, value: float) -> int:
    """A vector of one number, which is that of all channels."""
    return b.CreateNumpyVector(np.array([value], np.float32))


def _file(b: flatbuffers.Builder, name: str, description: str, kind: int = 0) -> int:
    return _table(b, {0: b.CreateString(name), 1: b.CreateString(description)}, {2: kind})
