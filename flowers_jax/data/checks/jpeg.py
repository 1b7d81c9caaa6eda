"""Faults of a JPEG that Pillow does not report: libjpeg only warns about holes, and has no limit of passes."""

import re
from collections.abc import Iterator

MOST_SCANS = 100
"""Each scan is one more pass over all pixels and may have only 14 bytes. Progressive photographs have about ten."""

HOLE = 4096
"""This many consecutive zero bytes are a part of the file that was never written."""

_MARKER = re.compile(rb"\xff+([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)
_DHT, _EOI, _SOS = 0xC4, 0xD9, 0xDA


def fault(data: bytes) -> str:
    """The reason not to decode a JPEG, or "".

    A long run of zeros is a fault only if it cannot be a flat area, as the Huffman tables of the scan tell. An encoder
    with its own tables gives the shortest code, which is all zeros, to the most frequent symbol, as of a white wall.

    Source: ITU-T T.81, annex B (segments) and C (the first symbol of a table has the code of zeros only).
    """
    if bytes(HOLE) not in data and data.count(bytes([0xFF, _SOS])) <= MOST_SCANS:
        return ""  # nearly every photograph
    scans, symbol_of_zeros = 0, dict[int, int]()
    for marker, segment, coded in _segments(data):
        if marker == _DHT:
            symbol_of_zeros |= _symbols_of_zeros(segment)
        elif marker == _SOS:
            scans += 1
            if bytes(HOLE) in coded and any(symbol_of_zeros.get(table) for table in _tables(segment)):
                return f"damaged image (a hole of {HOLE} zero bytes or more)"
    return f"a JPEG of {scans} passes over its pixels, more than {MOST_SCANS}" if scans > MOST_SCANS else ""


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(marker, content, coded data up to the next marker) of each segment before the end of the image."""
    found = _MARKER.search(data, 2)
    while found and found[1][0] != _EOI:
        start = found.end()
        end = start + int.from_bytes(data[start : start + 2], "big")
        following = _MARKER.search(data, end)
        yield found[1][0], data[start + 2 : end], data[end : following.start() if following else len(data)]
        found = following


def _symbols_of_zeros(segment: bytes) -> dict[int, int]:
    """For each table of a DHT segment (0 to 3 of DC, 16 to 19 of AC), the symbol whose code has only zeros."""
    found = {}
    while len(segment) > 17:
        found[segment[0]] = segment[17]
        segment = segment[17 + sum(segment[1:17]) :]
    return found


def _tables(segment: bytes) -> list[int]:
    """The tables that the scan of an SOS segment uses; a DC refinement uses none."""
    components = segment[0] if segment else 0
    chosen = segment[2 : 1 + 2 * components : 2]
    if len(rest := segment[1 + 2 * components : 4 + 2 * components]) < 3:
        return []  # libjpeg refuses such a segment
    first, last, precision = rest
    dc = [choice >> 4 for choice in chosen] if first == 0 and precision < 16 else []
    return dc + ([16 + (choice & 15) for choice in chosen] if last else [])
