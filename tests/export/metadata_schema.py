"""Reads the metadata of a TFLite file by its schema: MediaPipe's `mediapipe/tasks/metadata/metadata_schema.fbs`."""

from typing import Any

from flatbuffers import number_types
from flatbuffers.table import Table

UNIONS = {
    "ContentProperties": ("FeatureProperties", "ImageProperties", "BoundingBoxProperties", "AudioProperties"),
    "ProcessUnitOptions": ("NormalizationOptions", "ScoreCalibrationOptions", "ScoreThresholdingOptions"),
}
TABLES = {
    "ModelMetadata": "name description version subgraph_metadata:[SubGraphMetadata] author license "
    "associated_files:[AssociatedFile] min_parser_version",
    "SubGraphMetadata": "name description input_tensor_metadata:[TensorMetadata] "
    "output_tensor_metadata:[TensorMetadata] associated_files:[AssociatedFile]",
    "TensorMetadata": "name description dimension_names:[string] content:Content process_units:[ProcessUnit] "
    "stats:Stats associated_files:[AssociatedFile]",
    "Content": "content_properties:ContentProperties range:ValueRange",
    "FeatureProperties": "",
    "ImageProperties": "color_space:byte default_size:ImageSize",
    "NormalizationOptions": "mean:[float] std:[float]",
    "ProcessUnit": "options:ProcessUnitOptions",
    "Stats": "max:[float] min:[float]",
    "AssociatedFile": "name description type:byte locale version",
}
"""The fields of each table in their order; without a type it is a string. Tables that no test needs are left out."""


def parse(data: bytes) -> dict[str, Any]:
    """The metadata as nested dicts, with the fields that are there; `table` has the name of a table of a union."""
    assert data[4:8] == b"M001"
    position = int.from_bytes(data[:4], "little")
    return _read(Table(bytearray(data), position), "ModelMetadata")


def _read(table: Table, name: str) -> dict[str, Any]:
    found, place = {}, 4
    for field in TABLES[name].split():
        field, _, kind = field.partition(":")
        if kind in UNIONS:  # which is two fields: the number of the table and the table
            kind = _union(table, place, kind)
            place += 2
        if offset := table.Offset(place):
            found[field] = _value(table, table.Pos + offset, kind)
            if kind in TABLES:
                found[field]["table"] = kind
        place += 2
    return found


def _union(table: Table, place: int, kind: str) -> str:
    offset = table.Offset(place)
    number = table.Get(number_types.Uint8Flags, table.Pos + offset) if offset else 0
    return UNIONS[kind][number - 1] if number else ""


def _value(table: Table, position: int, kind: str) -> Any:
    if kind == "byte":
        return table.Get(number_types.Int8Flags, position)
    if kind.startswith("["):
        start, count = table.Vector(position - table.Pos), table.VectorLen(position - table.Pos)
        return [_element(table, start + 4 * number, kind[1:-1]) for number in range(count)]
    if kind:
        return _read(Table(table.Bytes, table.Indirect(position)), kind)
    return table.String(position).decode()


def _element(table: Table, position: int, kind: str) -> Any:
    return table.Get(number_types.Float32Flags, position) if kind == "float" else _value(table, position, kind)
