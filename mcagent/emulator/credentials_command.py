"""The command `mcagent emulator credentials FILE`: who may ask the services of a hub that runs."""

import argparse
import json
import os
import secrets

from .files import write_file
from .seed_command import post
from .seed_file import SeedError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="written for this user alone (0600)")
    parser.add_argument("--name", help="of the application that is made (default: by chance)")
    parser.add_argument(
        "--url", default="https://localhost:8443", help="the hub (default: https://localhost:8443)"
    )
    parser.add_argument("--ca", metavar="FILE", help="certificate to trust, ca.pem of --data")
    parser.add_argument("--replace", action="store_true", help="replace a file that is there")


def run(options: argparse.Namespace) -> list[str]:
    """Make an application with all scopes and write its credentials; give the lines to print.

    Raises:
        SeedError: The file is there, or cannot be written; no hub answers, or it refuses.
    """
    if os.path.exists(options.file) and not options.replace:
        raise SeedError(f"{options.file} is there already", "--replace, or name another file")
    name = options.name or f"terminal{secrets.token_hex(3)}"
    body = json.dumps({"name": name, "version": "v1"})
    status, answer = post(options.url, "/_emulator/applications", body, options.ca)
    if status != 201 or not isinstance(answer, dict):
        message = answer.get("message") if isinstance(answer, dict) else answer
        raise SeedError(f"application {name} was refused: {message}", "give another --name")
    try:
        write_file(options.file, json.dumps(answer, indent=2).encode(), mode=0o600)
    except OSError as error:
        raise SeedError(f"cannot write {options.file}: {error.strerror}", "name a file") from error
    return [f"{options.file}: application {name}; export MCAGENT_CREDENTIALS={options.file}"]
