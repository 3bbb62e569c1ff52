"""The machine around a device: versions, environment, mounts, the files of the state directory."""

import os
import platform
import stat
import sys
import time

from .. import __version__
from ..inspection.survey import printable
from .statedir import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PACKAGES = ("urllib3", "ujson", "cryptography", "PyJWT", "rich", "psutil")
# What the library or OpenSSL reads; nothing else of the environment is anybody's business.
VARIABLES = (
    "MCAGENT_STATE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "LANG",
    "TZ",
    "PYTHONPATH",
    "NO_PROXY",
    "no_proxy",
)
PROXY_VARIABLES = (
    "https_proxy",
    "HTTPS_PROXY",
    "http_proxy",
    "HTTP_PROXY",
    "all_proxy",
    "ALL_PROXY",
)
_MOST_FILES = 20_000


def versions() -> "dict[str, Any]":
    """Of everything that takes part."""
    import ssl
    from importlib import metadata

    found: "dict[str, Any]" = {
        "mcagent": __version__,
        "python": sys.version,
        "implementation": platform.python_implementation(),
        "openssl": ssl.OPENSSL_VERSION,
        "system": " ".join(os.uname()),
        "user": os.geteuid(),
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def settings(options: "dict[str, Any]") -> "dict[str, Any]":
    """What was set, by options and by the environment; proxies still with their passwords."""
    names = [name for name in (*VARIABLES, *PROXY_VARIABLES) if name in os.environ]
    return {
        "options": options,
        "environment": {name: os.environ[name] for name in names},
        "resolv.conf": _text("/etc/resolv.conf").splitlines(),
    }


def mount_of(directory: str) -> str:
    """The line of /proc/mounts that *directory* is under; ``""`` where nobody tells."""
    path = os.path.realpath(nearest(directory))
    best = ("", "")
    for line in _text("/proc/mounts").splitlines():
        point = line.split(" ")[1].replace("\\040", " ") if line.count(" ") else ""
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, line)
    return best[1]


def listing(directory: str) -> "list[str]":
    """Every file below *directory*: mode, owner, size, time, name; never its content."""
    lines = []
    for folder, folders, files in os.walk(directory):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = os.path.join(folder, name)
            try:
                state = os.lstat(path)
            except OSError as error:
                lines.append(f"{os.path.relpath(path, directory)}: {error.strerror}")
                continue
            when = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(state.st_mtime))
            owner = f"{state.st_uid}:{state.st_gid}"
            line = f"{stat.filemode(state.st_mode)} {owner} {state.st_size:>12} {when} "
            lines.append(line + printable(os.path.relpath(path, directory)))
            if len(lines) >= _MOST_FILES:
                return [*lines, "and more"]
    return lines


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(1_000_000)
    except OSError:
        return ""
