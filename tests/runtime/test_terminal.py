"""Text from elsewhere on one line of a terminal."""

import os

import pytest

from flowers_jax.runtime.terminal import shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("roses/naïve ☘ 花.jpg", "roses/naïve ☘ 花.jpg"),
        ("two\nlines\r\t", r"two\nlines\r\t"),
        ("\x1b[31m\x07\x7f\x9b", r"\x1b[31m\x07\x7f\x9b"),
        ("\u202egnp.\u2028\u200b", r"\u202egnp.\u2028\u200b"),
        (os.fsdecode(b"latin-\xe9"), r"latin-\udce9"),
        ('it\'s "quoted" \\ and {braced}', 'it\'s "quoted" \\ and {braced}'),
        ("", ""),
    ],
)
def test_shown(text, line):
    assert shown(text) == line
