"""Files of events for TensorBoard, with the messages of tensorboardX.

Its `SummaryWriter` hands them to a thread that dies on a full disk; its queue then fills, and the run waits for it for
ever. So a file is written here, in the records of TensorFlow:
https://www.tensorflow.org/tutorials/load_data/tfrecord.
"""

import contextlib
import io
import os
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from tensorboardX import summary
from tensorboardX.proto.event_pb2 import Event, SessionLog  # type: ignore[attr-defined]  # protobuf makes them
from tensorboardX.proto.summary_pb2 import Summary  # type: ignore[attr-defined]
from tensorboardX.record_writer import masked_crc32c

LENGTH = struct.Struct("<Q")
SUM = struct.Struct("<I")


def append(file: Path, events: Sequence[Event]) -> None:
    """Add the events, all of them or none, to a file that begins with its version.

    Raises:
        OSError: the disk is full, or the file cannot be written.
    """
    before = file.stat().st_size if file.exists() else 0
    first = [] if before else [Event(wall_time=time.time(), file_version="brain.Event:2")]
    records = b"".join(_record(event.SerializeToString()) for event in (*first, *events))
    try:
        with file.open("ab") as stream:
            stream.write(records)
    except OSError:
        with contextlib.suppress(OSError):
            os.truncate(file, before)
        raise


def scalars(values: Mapping[str, float], step: int) -> Event:
    """Numbers by tag."""
    return _event(Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]), step)


def picture(tag: str, png: bytes, step: int) -> Event:
    width, height = Image.open(io.BytesIO(png)).size
    image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
    return _event(Summary(value=[Summary.Value(tag=tag, image=image)]), step)


def hyperparameters(keys: Mapping[str, Any], tags: Sequence[str], step: int) -> list[Event]:
    """Settings of the run, and the tags of the scalars that belong to them, for the page HPARAMS."""
    return [_event(part, step) for part in summary.hparams(keys, dict.fromkeys(tags))]


def restart(step: int) -> Event:
    """TensorBoard forgets what stands before it and has this step or a later one."""
    return Event(wall_time=time.time(), step=step, session_log=SessionLog(status=SessionLog.START))


def known_steps(file: Path) -> set[int]:
    """The steps of which a file has summaries; what a killed process wrote of a last record is cut off."""
    known: set[int] = set()
    for event in _read(file):
        if event.HasField("session_log"):
            known = {step for step in known if step < event.step}
        elif event.HasField("summary"):
            known.add(event.step)
    return known


def _event(summary: Summary, step: int) -> Event:
    return Event(wall_time=time.time(), step=step, summary=summary)


def _record(data: bytes) -> bytes:
    length = LENGTH.pack(len(data))
    return length + SUM.pack(masked_crc32c(length)) + data + SUM.pack(masked_crc32c(data))


def _read(file: Path) -> Iterator[Event]:
    content, place = file.read_bytes() if file.exists() else b"", 0
    head = LENGTH.size + SUM.size
    while place + head <= len(content):
        end = place + head + LENGTH.unpack_from(content, place)[0]
        if end + SUM.size > len(content):
            break
        yield Event.FromString(content[place + head : end])
        place = end + SUM.size
    if place < len(content):
        os.truncate(file, place)
