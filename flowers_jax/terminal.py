"""Text from elsewhere, on a terminal."""


def shown(text: str) -> str:
    r"""`text` on one line, with a name's line breaks, escape sequences and other control characters as `\n`, `\x1b`."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
