"""A systemd unit for a device script, as text: pure functions, so that a test can read it."""

import os
import re

from .exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,30}")
_DEVICE = re.compile(r"/dev/[A-Za-z0-9_./:+-]+")
# systemd.syntax(7): anything else may mean something in a command line; a variable such as
# ${STATE_DIRECTORY} is left to systemd.
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@,+${}-]+")
# PrivateTmp and PrivateDevices put something else there.
_HIDDEN = ("/tmp/", "/var/tmp/", "/dev/", "/proc/")  # noqa: S108 - to refuse them

_HEAD = """\
# {path}
# Made by: mcagent service print. Put it there, then:
#   systemctl daemon-reload && systemctl enable --now {name}
[Unit]
Description={description}
# Not network-online.target: recording must not wait for a network.
After=network.target
# The clock of before the last stop, where there is no better one.
After=time-set.target
# A device is far away: never give up restarting.
StartLimitIntervalSec=0

[Service]
{kind}
ExecStart={command}
# What is printed reaches the journal at once.
Environment=PYTHONUNBUFFERED=1
Restart=always
RestartSec=5
# A slow board with a cold card may need more than systemd's 90 seconds until it is ready.
TimeoutStartSec=300
# A request under way is broken off after a second, then what is in memory is written.
TimeoutStopSec=30

# /var/lib/{name}, which the script finds in $STATE_DIRECTORY.
StateDirectory={name}
StateDirectoryMode=0700
{user}
{credential}"""

_WATCHED = """\
# Agent.run says when it is ready, and is restarted when sampling or the upload thread hangs so
# long. One call of your collect function must take less.
Type=notify
NotifyAccess=main
WatchdogSec={watchdog_s}"""
_UNWATCHED = "Type=exec"

_NOBODY = """\
# A user of its own that exists only while it runs.
DynamicUser=yes"""

_WALLS = """\
# What the script does not need, it cannot do.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
{devices}
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
# Not ProcSubset=pid: the boot's id and the machine's load are in /proc.
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
RemoveIPC=yes
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def unit(
    script: str,
    *,
    python: str,
    arguments: "Sequence[str]" = (),
    name: str = "",
    user: str = "",
    groups: "Sequence[str]" = (),
    devices: "Sequence[str]" = (),
    boarding: str = "",
    watchdog_s: int = 60,
) -> str:
    """The unit file for *script*.

    Args:
        script: Absolute path of the script.
        python: Absolute path of the interpreter.
        arguments: Of the script; systemd fills in variables such as ``${STATE_DIRECTORY}``.
        name: Of unit and state directory; ``""`` takes the script's.
        user: Who runs it; ``""`` is a user made for it.
        groups: It is also a member of, as ``dialout`` for serial lines.
        devices: Device files that it may open; ``()`` none.
        boarding: Boarding configuration, readable by root alone, that systemd hands over.
        watchdog_s: 0 for a script that does not call `Agent.run`.

    Raises:
        UsageError: Something cannot stand in a unit file, or cannot work under this unit.
    """
    name = name or re.sub(r"[^A-Za-z0-9_-]", "-", os.path.splitext(os.path.basename(script))[0])
    _check_names(name, user, groups, devices)
    _check_paths(script, python, boarding)
    in_homes = any(path.startswith(("/home/", "/root/")) for path in (script, python))
    head = _HEAD.format(
        path=f"/etc/systemd/system/{name}.service",
        name=name,
        description=f"{name}: readings to Insights Hub",
        kind=_WATCHED.format(watchdog_s=watchdog_s) if watchdog_s else _UNWATCHED,
        command=" ".join(map(_word, (python, script, *arguments))),
        user=f"User={user}" if user else _NOBODY,
        credential=_credential(boarding),
    )
    if groups:
        head += f"SupplementaryGroups={' '.join(groups)}\n"
    return f"{head}\n" + _WALLS.format(
        home="read-only" if in_homes else "yes", devices=_device_lines(devices)
    )


def _check_names(name: str, user: str, groups: "Sequence[str]", devices: "Sequence[str]") -> None:
    for what, text in (("name", name), ("user", user), *(("group", group) for group in groups)):
        if text and not _NAME.fullmatch(text):
            raise UsageError(
                f"{text[:60]!r} is no {what} of a service",
                hint=f"--{what}: letters, digits, - and _, at most 31, a letter first",
            )
    for device in devices:
        if not _DEVICE.fullmatch(device):
            raise UsageError(f"{device[:60]!r} is no device", hint="--device /dev/ttyUSB0")
    if user == "root":
        raise UsageError(
            "a service that talks to the internet does not run as root",
            hint="leave --user away: it gets a user of its own; see --device and --group",
        )


def _check_paths(script: str, python: str, boarding: str) -> None:
    for path in filter(None, (script, python, boarding)):
        if not os.path.isabs(path) or any(character in path for character in "\n\r\0"):
            raise UsageError(f"{path[:80]!r} is no absolute path", hint="begin it with /")
    for path in (script, python):
        if os.path.normpath(path).startswith(_HIDDEN):
            raise UsageError(
                f"{path} is out of the service's sight, which has a /tmp of its own",
                hint="put the script and its environment into /opt, /srv or /usr/local",
            )


def _credential(boarding: str) -> str:
    if not boarding:
        return ""
    return (
        "# Read by root, seen by the script alone, as ${CREDENTIALS_DIRECTORY}/agentconfig.json.\n"
        "# The file must stay: without it the unit does not start.\n"
        f"LoadCredential=agentconfig.json:{_percent(boarding)}\n"
    )


def _device_lines(devices: "Sequence[str]") -> str:
    if not devices:
        return "PrivateDevices=yes"
    lines = ["# Not PrivateDevices=yes, which would hide these.", "DevicePolicy=closed"]
    return "\n".join(lines + [f"DeviceAllow={device} rw" for device in devices])


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """*text* as one word of ExecStart."""
    if "\n" in text or "\r" in text or "\0" in text:
        raise UsageError(f"{text[:60]!r} is more than one line", hint="systemd reads lines")
    text = _percent(text)
    if text and _PLAIN.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
