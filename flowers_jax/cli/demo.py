"""Serve a trained model as a page on this machine, and open the browser.

    python scripts/demo.py --run=DIR [--port=8000] [--bind=127.0.0.1]

DIR is a run directory, or a folder that export.py wrote with --format=page. Photographs stay in the browser. Ctrl-C
ends the server.
"""

import argparse
import contextlib
import http.server
import tempfile
import threading
import webbrowser
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from flowers_jax.cli.export import export
from flowers_jax.cli.flags import add_run, parser
from flowers_jax.errors import UsageError

COUNT = 32
"""How many photographs the page of a run is compared on: it is for a look."""


def make_parser() -> argparse.ArgumentParser:
    flags = parser(__doc__)
    add_run(flags)
    flags.add_argument("--port", type=int, default=8000, metavar="N", help="0 for any that is free (default: 8000)")
    flags.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS",
                       help="0.0.0.0 for every machine of the network (default: this machine alone)")  # fmt: skip
    return flags


def main(argv: Sequence[str]) -> None:
    args = make_parser().parse_args(argv)
    from flowers_jax.export import EXPORTERS, folder

    name = f"{folder.NAME}{EXPORTERS['page'].suffix}"
    with tempfile.TemporaryDirectory() as base:
        given, out = Path(args.run), Path(base) / "export"
        written = next((one for one in (given, given / name) if (one / "index.html").is_file()), None)
        with _server(args.bind, args.port, written or out / name) as server:
            if written is None:
                export(args.run, args.code, ["page"], out, COUNT)
            address = f"http://{server.server_name if args.bind == '0.0.0.0' else args.bind}:{server.server_port}/"
            print(f"{args.run}: {address} (Ctrl-C ends it)", flush=True)
            # In a thread: a browser in the terminal returns when it is closed, and must be served meanwhile.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_forever()


def _server(address: str, port: int, folder: Path) -> http.server.ThreadingHTTPServer:
    """Listens at once, so that a port that is taken is known before work starts."""
    try:
        return http.server.ThreadingHTTPServer((address, port), partial(_Handler, directory=str(folder)))
    except (OSError, OverflowError) as error:
        raise UsageError(f"--bind={address} --port={port}: {error}; give another port, or --port=0 for any") from error


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",  # whatever the machine's own table says
        ".wasm": "application/wasm",
    }

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")  # another model may stand here a minute later
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the requests of one's own browser are no news."""
