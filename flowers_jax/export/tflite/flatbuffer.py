"""The bytes of a TFLite file as objects that may be changed, and back."""

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"


def unpack(whole: bytes) -> Any:  # a `ModelT`, each of whose fields may be None by its annotation
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(whole, 0))


def pack(model: Any) -> bytes:
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
