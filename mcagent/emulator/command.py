"""The command `python -m mcagent.emulator`, which `mcagent emulator` calls too."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from .emulator import Emulator


def serve(argv: Sequence[str]) -> int:
    """Run a local Insights Hub until SIGINT or SIGTERM.

    Returns:
        Exit status: 0 after a signal, 1 if it could not start, 2 for wrong usage.
    """
    try:
        options = _parser().parse_args(list(argv))
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 2
    try:
        emulator = Emulator(
            tls=not options.http,
            host=options.host,
            port=options.port,
            data=options.data,
            settings=_settings(options),
            strict=options.strict,
        )
        emulator.start()
    except (OSError, ValueError) as exc:
        print(f"cannot start: {exc}", file=sys.stderr)
        return 1
    try:
        _announce(emulator, options)
        _wait()
    finally:
        emulator.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mcagent emulator", description="Run a local Insights Hub for tests and first steps."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: loopback)")
    parser.add_argument(
        "--port", type=int, default=8443, help="port, 0 for any free one (default: 8443)"
    )
    parser.add_argument("--http", action="store_true", help="plain http instead of TLS")
    parser.add_argument("--data", metavar="DIR", help="keep everything here (default: in RAM)")
    parser.add_argument("--strict", action="store_true", help="the harshest reading of everything")
    parser.add_argument("--settings", metavar="FILE", help="switches, a JSON object")
    parser.add_argument(
        "--public-url", metavar="URL", help="origin under which devices reach the hub"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object when ready")
    return parser


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if options.settings:
        with open(options.settings, encoding="utf-8") as file:
            changes = json.load(file)
        if not isinstance(changes, dict):
            raise ValueError(f"{options.settings} is not a JSON object")
    if options.public_url:
        changes["public_url"] = options.public_url
    return changes


def _announce(emulator: Emulator, options: argparse.Namespace) -> None:
    """Say where the hub is, in one flush: a parent process may wait for it."""
    ready = {
        "url": emulator.local_url,
        "ca_file": None if options.http else emulator.ca_file,
        "pid": os.getpid(),
    }
    if options.json:
        print(json.dumps(ready), flush=True)
        return
    lines = [f"Insights Hub emulator: {ready['url']}"]
    if ready["ca_file"]:
        lines.append(f"CA certificate to trust: {ready['ca_file']}")
    if options.host not in ("127.0.0.1", "localhost", "::1"):
        lines.append("Bound beyond loopback: anyone who reaches this port controls the hub.")
    print("\n".join(lines), flush=True)


def _wait() -> None:
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        stop.wait()
    previous = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        stop.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
