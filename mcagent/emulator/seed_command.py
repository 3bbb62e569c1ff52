"""The command `mcagent emulator seed FILE`: load a plant into a hub that runs."""

import argparse
import http.client
import json
import os
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from .files import write_file
from .seed_file import SeedError, read_plant, shipped_plants

_TIMEOUT_S = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "plant",
        metavar="FILE",
        help=f"a plant in YAML or JSON, or one that ships: {', '.join(shipped_plants())}",
    )
    parser.add_argument(
        "--url", default="https://localhost:8443", help="the hub (default: https://localhost:8443)"
    )
    parser.add_argument("--ca", metavar="FILE", help="certificate to trust, ca.pem of --data")
    parser.add_argument(
        "--boarding", metavar="DIR", help="write a boarding file for each agent here"
    )
    parser.add_argument("--json", action="store_true", help="print what was made as JSON")


def run(options: argparse.Namespace) -> Sequence[str]:
    """Load the plant; give the lines to print.

    Raises:
        SeedError: The file, the hub or the plant is not as it must be.
    """
    answer = send_plant(read_plant(options.plant), options.url, options.ca)
    written = _write_boarding(answer["agents"], options.boarding) if options.boarding else []
    if options.json:
        # Boarding files hold a token each: they go into files alone, which nobody else may read.
        shown = {"made": answer["made"], "agents": {a["name"]: a["id"] for a in answer["agents"]}}
        return [json.dumps({**shown, "boarding": written})]
    made = ", ".join(f"{number} {what}" for what, number in sorted(answer["made"].items()))
    lines = [f"made: {made or 'nothing, all of it was there'}"]
    lines += [f"agent {agent['name']}: {agent['id']}" for agent in answer["agents"]]
    return lines + [f"boarding file: {path}" for path in written]


def send_plant(plant: Any, url: str, ca_file: "str | None") -> dict[str, Any]:
    """Send a plant to the control interface of a hub.

    Raises:
        SeedError: No hub answers there, or it refuses the plant.
    """
    try:
        body = json.dumps(plant, default=str)  # YAML has dates
    except (ValueError, RecursionError) as error:
        hint = "an anchor (&) and an alias (*) of it make a circle"
        raise SeedError("the plant contains itself", hint) from error
    status, answer = post(url, "/_emulator/seed", body, ca_file)
    if status != 200 or not isinstance(answer, dict):
        message = answer.get("message") if isinstance(answer, dict) else answer
        raise SeedError(f"the plant was refused: {message}", "see docs/emulator.md, Plants")
    return answer


def post(url: str, path: str, body: str, ca_file: "str | None") -> tuple[int, Any]:
    """Send JSON to the control interface of a hub; give status and answer.

    Raises:
        SeedError: No hub answers there.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SeedError(f"{url} is no address: {error}", "--url names the hub") from error
    try:
        if parts.scheme == "https":
            context = _context(ca_file)
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.netloc, timeout=_TIMEOUT_S, context=context
            )
        elif parts.scheme == "http":
            connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
        else:
            raise SeedError(f"{url} is no http or https address", "--url names the hub")
        try:
            connection.request("POST", path, body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        hint = "--ca names the hub's ca.pem; the hub prints where it is when it starts"
        raise SeedError(f"{url}: {error.verify_message}", hint) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, SeedError):
            raise
        hint = "start one with: mcagent emulator; --url names another"
        raise SeedError(f"no hub answers at {url}: {error}", hint) from error
    return response.status, answer


def _context(ca_file: "str | None") -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # an SSLError is one, too
        hint = "--ca names the hub's ca.pem; the hub prints where it is when it starts"
        raise SeedError(f"{ca_file} is no certificate: {error.strerror}", hint) from error


def _write_boarding(agents: list[dict[str, Any]], directory: str) -> list[str]:
    written = []
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        for agent in agents:
            name = "".join(one if one.isalnum() or one in "-_." else "_" for one in agent["name"])
            path = os.path.join(directory, f"{name.lstrip('.') or agent['id']}.json")
            if path in written:  # names that differ in what a file name should not have
                path = os.path.join(directory, f"{agent['id']}.json")
            write_file(path, json.dumps(agent["boarding"], indent=2).encode(), mode=0o600)
            written.append(path)
    except OSError as error:
        hint = "--boarding names a directory that this user may write"
        raise SeedError(f"cannot write {directory}: {error.strerror}", hint) from error
    return written
