"""The command `python -m mcagent.emulator`, which `mcagent emulator` calls too."""

import argparse
import errno
import importlib
import json
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

from .answers import Refusal
from .emulator import Emulator
from .seed_file import SeedError, read_plant
from .server import is_loopback
from .settings_file import SettingsError, SettingsFile, describe, print_settings, read_settings

_USAGE, _CONFIGURATION = 2, 4  # as all of mcagent's commands end, see docs/cli.md

_SWITCH_S = 0.0005
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# Commands that ask something of a hub that runs -> what they do.
_CLIENTS = {
    "seed": "Load a described plant into a hub that runs.",
    "credentials": "Write credentials for the services of a hub that runs.",
}


class _Trouble(Exception):
    """Why the command ends, what to do about it, and its exit status."""

    def __init__(self, what: str, hint: str, status: int) -> None:
        super().__init__(what)
        self.hint = hint
        self.status = status


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line like every other trouble: one line and a hint."""

    def error(self, message: str) -> NoReturn:
        raise _Trouble(message, f"{self.prog} --help shows how it is used", _USAGE)


def serve(argv: Sequence[str]) -> int:
    """Run a local Insights Hub until SIGINT or SIGTERM.

    Returns:
        Exit status: 0 after a signal, 2 for wrong usage, 4 if it could not start.
    """
    try:
        if argv and argv[0] in _CLIENTS:
            return _client(argv[0], argv[1:])
        options = _parser().parse_args(list(argv))
        if options.print_settings:
            print(
                json.dumps(describe()) if options.json else print_settings(strict=options.strict)
            )
            return 0
        plant = _plant(options.seed)
        emulator = _start(options)
    except SystemExit:
        return 0  # --help
    except _Trouble as trouble:
        print(f"mcagent: {trouble}\n  hint: {trouble.hint}", file=sys.stderr)
        return trouble.status
    try:
        if plant is not None:
            emulator.seed(plant)
        _announce(emulator, options)
        _wait()
    except Refusal as refusal:
        print(f"mcagent: {options.seed} was refused: {refusal.message}", file=sys.stderr)
        print("  hint: docs/emulator.md, Plants", file=sys.stderr)
        return _CONFIGURATION
    finally:
        emulator.stop()
    return 0


def _client(name: str, argv: Sequence[str]) -> int:
    """Ask something of a hub that runs."""
    # Its HTTP client is a tenth of the hub's start.
    command = importlib.import_module(f".{name}_command", __package__)
    parser = _Parser(prog=f"mcagent emulator {name}", description=_CLIENTS[name])
    command.add_arguments(parser)
    options = parser.parse_args(list(argv))
    try:
        print("\n".join(command.run(options)))
    except SeedError as error:
        raise _Trouble(str(error), error.hint, _CONFIGURATION) from error
    return 0


def _plant(name: "str | None") -> Any:
    if name is None:
        return None
    try:
        return read_plant(name)
    except SeedError as error:
        raise _Trouble(f"cannot start: {error}", error.hint, _CONFIGURATION) from error


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mcagent emulator",
        description="Run a local Insights Hub for tests and first steps.",
        epilog="mcagent emulator seed FILE loads a plant into a hub that runs, and mcagent "
        "emulator credentials FILE writes credentials for its services.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default: loopback)")
    parser.add_argument(
        "--port", type=_port, default=8443, help="port, 0 for any free one (default: 8443)"
    )
    parser.add_argument("--http", action="store_true", help="plain http instead of TLS")
    parser.add_argument("--data", metavar="DIR", help="keep everything here (default: in RAM)")
    parser.add_argument("--strict", action="store_true", help="the harshest reading of everything")
    parser.add_argument("--settings", metavar="FILE", help="switches and faults, a JSON object")
    parser.add_argument(
        "--print-settings", action="store_true", help="print a whole settings file, and end"
    )
    parser.add_argument(
        "--public-url", metavar="URL", help="origin under which devices reach the hub"
    )
    parser.add_argument("--seed", metavar="FILE", help="load this plant first")
    parser.add_argument("--json", action="store_true", help="print one JSON object when ready")
    return parser


def _port(text: str) -> int:
    if text.isdecimal() and len(text) <= 5 and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port: 0 to 65535")


def _start(options: argparse.Namespace) -> Emulator:
    said = _settings(options)
    try:
        emulator = Emulator(
            tls=not options.http,
            host=options.host,
            port=options.port,
            data=options.data,
            settings=said.switches,
            strict=options.strict,
        )
        emulator.start()
        emulator.set_faults(said.faults)
        emulator.set_clock(said.clock_offset_s)
    except ValueError as error:
        hint = "mcagent emulator --print-settings shows all switches"
        raise _Trouble(f"cannot start: {error}", hint, _CONFIGURATION) from error
    except (OSError, sqlite3.Error) as error:
        what, hint = _cause(error, options)
        raise _Trouble(f"cannot start: {what}", hint, _CONFIGURATION) from error
    return emulator


def _cause(error: "OSError | sqlite3.Error", options: argparse.Namespace) -> tuple[str, str]:
    """What kept the hub from starting, and what to do about it."""
    directory = "the temporary directory" if options.data is None else options.data or "''"
    if isinstance(error, sqlite3.Error) or error.filename is not None:
        if getattr(error, "errno", None) in _NO_ROOM or "disk is full" in str(error):
            return f"cannot use {directory}: its disk is full", "make room there"
        if getattr(error, "errno", None) == errno.EBUSY:
            hint = "end the other hub, or name another directory with --data"
            return f"cannot use {directory}: another hub runs on it", hint
        return (
            f"cannot use {directory}: {error}",
            "--data names a directory that this user may write, new or made by this release",
        )
    where = f"port {options.port} of {options.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use", "name another with --port; --port 0 takes a free one"
    if error.errno == errno.EACCES:
        return f"{where} is not for this user", "name one from 1024 on with --port"
    return (
        f"cannot listen on {where}: {error.strerror or error}",
        "--host is an address or a name of this machine",
    )


def _settings(options: argparse.Namespace) -> SettingsFile:
    said = SettingsFile({}, [], 0)
    if options.settings:
        try:
            said = read_settings(options.settings)
        except SettingsError as error:
            raise _Trouble(f"cannot start: {error}", error.hint, _CONFIGURATION) from error
    if options.public_url:
        said.switches["public_url"] = options.public_url
    return said


def _announce(emulator: Emulator, options: argparse.Namespace) -> None:
    """Say where the hub is, in one flush: a parent process may wait for it."""
    ready = {
        "url": emulator.local_url,
        "ca_file": None if options.http else emulator.ca_file,
        "pid": os.getpid(),
        "loopback": is_loopback(options.host),
    }
    if options.json:
        print(json.dumps(ready), flush=True)
        return
    lines = [f"Insights Hub emulator: {ready['url']}"]
    if ready["ca_file"]:
        lines.append(f"CA certificate to trust: {ready['ca_file']}")
    if is_loopback(options.host):
        lines.append(f"Only this machine reaches it (--host {options.host}).")
    else:
        lines.append("Bound beyond loopback: anyone who reaches this port controls the hub.")
    lines.append(f"Page to watch devices and to switch faults on: {ready['url']}/")
    print("\n".join(lines), flush=True)


def _wait() -> None:
    stop = threading.Event()
    # The thread that answers waits for the one that processes items whenever it has sent
    # something: by default 5 ms each time, which is as long as an exchange takes in all.
    sys.setswitchinterval(_SWITCH_S)
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
