"""`mcagent diag`: one file for whoever helps, without any secret."""

import os
import sys

from . import exits
from .common import add_json_option, add_network_options, keep_log_quiet, show, state_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import BinaryIO

_TAIL_BYTES = 1_000_000
_KINDS = (".tar.gz", ".tgz", ".zip")


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "output", metavar="OUT", help="the file to write: " + ", ".join(f"*{k}" for k in _KINDS)
    )
    parser.add_argument(
        "--boarding",
        metavar="FILE",
        help="boarding configuration, where the device has not been onboarded yet; not copied",
    )
    parser.add_argument(
        "--log",
        metavar="FILE",
        help="take the last megabyte of this log along (-: standard input, for journalctl)",
    )
    parser.add_argument(
        "--with-payloads",
        action="store_true",
        help="also values: the oldest 100 records of each lane",
    )
    add_network_options(parser)
    add_json_option(parser)


def run(args: "argparse.Namespace") -> int:
    from ..diagnosis.bundle import collect
    from ..diagnosis.case import Case
    from ..diagnosis.examination import examine

    _check(args.output)
    keep_log_quiet(args)
    log = _tail(args.log)
    case = Case(
        state_directory(args),
        boarding=args.boarding,
        ca_file=args.ca,
        crl_file=args.crl,
        proxy=args.proxy,
    )
    report = examine(case)
    options = {name: getattr(args, name) for name in ("boarding", "ca", "crl", "proxy")}
    bundle = collect(case, report, options=options, payloads=args.with_payloads, log=log)
    _write(args.output, bundle.parts)
    cause = report.cause
    value = {
        "output": args.output,
        "files": sorted(bundle.parts),
        "trouble": bundle.trouble,
        "cause": None if cause is None else {"step": cause.name, "cause": cause.cause},
    }
    for line in bundle.trouble:
        sys.stderr.write(f"note: {line}\n")
    without = "without secrets" + (", with values" if args.with_payloads else " and values")
    show(args, value, f"{args.output}: {len(bundle.parts)} files, {without}\n{bundle.found}")
    return exits.OK


def _check(output: str) -> None:
    if not output.endswith(_KINDS):
        raise exits.UsageError(
            f"{output} is not the name of a bundle", hint=f"it ends with {', '.join(_KINDS)}"
        )
    if os.path.lexists(output):
        raise exits.UsageError(f"{output} is there already", hint="name another file")


def _tail(path: "str | None") -> "bytes | None":
    """The last megabyte of *path*."""
    if path is None:
        return None
    if path == "-":
        return _end(sys.stdin.buffer)
    with open(path, "rb") as file:
        return _end(file)


def _end(file: "BinaryIO") -> bytes:
    data = b""
    while part := file.read(_TAIL_BYTES):
        data = (data + part)[-_TAIL_BYTES:]
    return data


def _write(output: str, parts: "dict[str, str]") -> None:
    """Write it whole or not at all; for this user only, because it names hosts."""
    fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            (_write_zip if output.endswith(".zip") else _write_tar)(file, parts)
    except BaseException:
        os.unlink(output)
        raise


def _write_tar(file: "BinaryIO", parts: "dict[str, str]") -> None:
    import io
    import tarfile
    import time

    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, text in parts.items():
            data = text.encode()
            about = tarfile.TarInfo("mcagent-diag/" + name)
            about.size, about.mtime, about.mode = len(data), int(time.time()), 0o600
            archive.addfile(about, io.BytesIO(data))


def _write_zip(file: "BinaryIO", parts: "dict[str, str]") -> None:
    import zipfile

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr("mcagent-diag/" + name, text.encode())
