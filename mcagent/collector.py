"""What collectors share: one TOML file, its table of data points, troubles that are told once.

A collector is a script that reads a machine by some protocol and hands its values to an `Agent`.
The scripts in ``examples/`` are built from this. CPython only.
"""

import logging
import os
import re
import time
import zlib

from .agent import Agent
from .buffer.settings import BufferSettings, LaneSettings
from .collectorfile import Section, read_sections
from .errors import AgentError, ConfigurationError, InvalidMessage
from .journal import log_to_stderr
from .live import tell_besides
from .messages.datamodel import DataModel, DataPoint, DataSource
from .messages.event import Event, Severity
from .troubles import Troubles, one_line
from .upload.settings import UploadSettings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_LOG = logging.getLogger("mcagent.collector")
_MIB = 1024 * 1024
_TOTAL_MIB = 512  # of all lanes together; what a larger quota leaves to the others is half of it
_GROUP_RECORDS = 100
_NAME_CHARACTERS = 27  # with a dash and the eight digits of a checksum: 36, a configuration id
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_EVENT_EVERY_S = 60  # a peer that comes and goes every second must not fill the events' lane
_LINES_AT_ONCE = 10  # of the log, about losses in quick succession; then one in that time

# A type is a value that must be there, anything else the value where there is none.
_AGENT: "dict[str, Any]" = {
    "name": "",
    "state": str,
    "boarding": "",
    "ca": "",
    "proxy": "",
    "quota_mib": 256,
    "sync_every_s": 1.0,
    "lose_mappings": False,
}
_POINT: "dict[str, Any]" = {
    "id": str,
    "type": "DOUBLE",
    "unit": "",
    "name": "",
    "description": "",
    "source": "",
    "length": 0,
}


class CollectorFile:
    """A collector's settings, read from TOML and checked.

    >>> file = CollectorFile("press.toml", "modbus", {"host": str}, {"register": int})
    >>> print(file.peer.host, [point.register for point in file.points])

    A wrong entry in the table of points is told, counted and left out; the rest is collected. It
    stays in the data model where id and type are right: a model without it would take its mapping
    away on the platform. Paths are relative to the file's own folder.

    Args:
        path: The file.
        peer: Name of the section about the machine: ``[modbus]``.
        settings: Its members: name to default, to the type where one must be given, or to a tuple
            of all that may be given, first the default.
        point: The same for what a ``[[points]]`` entry has besides ``id``, ``type``, ``unit``,
            ``name``, ``description``, ``source`` (name of its data source) and ``length``. None:
            the file has no points, because nothing but files and events is sent.
        together: Member whose points are always read together, such as ``"topic"``; the others get
            data sources of their own, named after their first point. Samples of one data source
            at one moment may replace each other on the platform. ``""``: all are read together.
        unique: Member that no two points may share, such as ``"node"``.
        check: Raises ConfigurationError for a point that it cannot collect.

    Attributes:
        agent, peer: The sections, a member an attribute.
        points: Entries that can be collected; a member an attribute.
        model: The `DataModel` that the table describes. Its id ends in a checksum, because a
            changed model wants a new one. None without points.
        troubles: What the file, and later the machine, did wrong.

    Raises:
        ConfigurationError: There is no such file, or a section is wrong, or no point is right.
    """

    def __init__(
        self,
        path: str,
        peer: str,
        settings: "dict[str, Any]",
        point: "dict[str, Any] | None" = None,
        *,
        together: str = "",
        unique: str = "",
        check: "Callable[[Section], None] | None" = None,
    ) -> None:
        self._folder = os.path.dirname(os.path.abspath(path))
        known = dict(_AGENT)
        if point is None:
            del known["sync_every_s"]  # files are on the medium when they are taken in
        agent, self.peer, entries = read_sections(
            path, known, peer, settings, points=point is not None
        )
        self.agent = agent
        self.name = agent.name or os.path.splitext(os.path.basename(path))[0]
        self.troubles = Troubles()
        self.points: "list[Section]" = []
        self.model: "DataModel | None" = None
        if point is None:
            return
        described: "dict[str, tuple[str, DataPoint]]" = {}
        firsts: "dict[Any, str]" = {}  # what is read together: its first point
        owners: "dict[Any, str]" = {}  # what is unique: whose it is
        for number, entry in enumerate(entries, 1):
            where = f"{path}: point {number}"
            try:
                common = Section(where, entry, _POINT, others=point)
                data_point = _data_point(common, taken=described)
                source = self.name
                if together:
                    source = firsts.setdefault(str(entry.get(together)), common.id)
                source = common.source or source
                DataSource(source, [data_point])  # its name is wrong for this point alone
                described[common.id] = (source, data_point)
                whole = Section(where, entry, {**_POINT, **point})
                if check is not None:
                    check(whole)
                if unique:
                    _own(owners, unique, entry[unique], common.id)
                self.points.append(whole)
            except (ConfigurationError, InvalidMessage) as error:
                text = error.message.removeprefix(where).lstrip(": ")
                self.troubles.tell(where, text, hint=error.hint)
        if not self.points:
            raise ConfigurationError(
                f"{path}: there is no point that could be collected",
                hint="describe one under [[points]]; the log says what is wrong with each",
            )
        self.model = _model(self.name, described)

    def path(self, text: str) -> str:
        """*text* as a path from the file's own folder; empty stays empty.

        ``${NAME}`` stands for what the environment has: systemd's ``${STATE_DIRECTORY}``.

        Raises:
            ConfigurationError: The environment has no such name.
        """
        text = _VARIABLE.sub(_from_environment, text)
        return os.path.join(self._folder, text) if text else text

    def open_agent(self, *, policy: "str | None" = None) -> Agent:
        """Open the agent of the section ``[agent]`` and describe the points to it.

        Args:
            policy: What gives way when the quota, of samples or without points of files, is used
                up: ``"drop_oldest"``, or ``"reject"`` for a collector that can wait.
        """
        agent = self.agent
        sync_ms = 0 if self.model is None else int(agent.sync_every_s * 1000)
        lane = LaneSettings(
            agent.quota_mib * _MIB,
            policy=policy,
            durability=("group", _GROUP_RECORDS, sync_ms) if sync_ms > 0 else "each",
        )
        total_bytes = max(_TOTAL_MIB, agent.quota_mib + _TOTAL_MIB // 2) * _MIB
        files = self.model is None
        opened = Agent.open(
            self.path(agent.state),
            boarding=self.path(agent.boarding) or None,
            ca_file=self.path(agent.ca) or None,
            proxy=agent.proxy or None,
            buffer=BufferSettings(
                timeseries=None if files else lane,
                files=lane if files else None,
                total_quota_bytes=total_bytes,
            ),
            upload=UploadSettings(lose_mappings=agent.lose_mappings),
        )
        tell_besides(opened, "troubles", self.troubles.to_list)
        if self.model is not None:
            opened.submit(self.model)
        return opened


class Link:
    """Whether the machine answers: one log line and one event each time that this changes.

    Of a machine that comes and goes all day it tells a pair of events a minute and, after the
    first ten losses, a pair of lines a minute, which name how many there were.

    >>> link = Link(agent, "modbus 10.0.0.7:502")
    >>> link.lost("timed out"), link.made()

    Attributes:
        up: None before anything is known.
        losses: How often it was lost, or not there at the start.
    """

    def __init__(
        self, agent: Agent, name: str, *, clock: "Callable[[], float]" = time.monotonic
    ) -> None:
        self._agent = agent
        self._name = name
        self._clock = clock
        self._told_s: "float | None" = None
        self._owed = False  # an event of the loss, so one of the return
        self._lines, self._lines_s = float(_LINES_AT_ONCE), clock()
        self._line_owed = True  # likewise
        self.up: "bool | None" = None
        self.losses = 0
        self._reason = ""
        tell_besides(agent, "link", self.to_dict)

    def made(self) -> None:
        """It answers. Harmless to repeat."""
        if self.up:
            return
        self.up = True
        if self._line_owed:
            _LOG.info("%s: connected", self._name)
        if self._owed:
            self._owed = False
            self._event(f"connected again, {self.losses} losses so far", Severity.INFORMATION)

    def lost(self, reason: object) -> None:
        """It does not answer. Harmless to repeat."""
        if self.up is False:
            return
        self.up = False
        self.losses += 1
        self._reason = one_line(str(reason))
        now_s = self._clock()
        passed_s, self._lines_s = now_s - self._lines_s, now_s
        self._lines = min(_LINES_AT_ONCE, self._lines + passed_s / _EVENT_EVERY_S)
        self._line_owed = self._lines >= 1
        if self._line_owed:
            self._lines -= 1
            words = f", {self.losses} losses so far" if self.losses > _LINES_AT_ONCE else ""
            words = f"no connection{words}, trying again: {self._reason}"
            _LOG.warning("%s: %s", self._name, words)
        if self._told_s is None or now_s - self._told_s >= _EVENT_EVERY_S:
            self._told_s = now_s
            self._owed = True
            self._event("connection lost", Severity.WARNING)

    def to_dict(self) -> "dict[str, Any]":
        """What `mcagent status` shows: ``name``, ``up``, ``losses``, the last ``reason``."""
        return {
            "name": self._name,
            "up": self.up,
            "losses": self.losses,
            "reason": self._reason,
        }

    def _event(self, text: str, severity: int) -> None:
        try:
            self._agent.submit(
                Event(
                    f"{self._name}: {text}"[:255],
                    severity=severity,
                    details={"source": self._name},
                )
            )
        except AgentError as error:  # a full disk: the log has it, and the values matter more
            _LOG.warning("%s: no event: %s", self._name, error)


def secret(name: str) -> str:
    """A password: of the environment, or of the service's credentials; never of the TOML file.

    Args:
        name: ``"MQTT_PASSWORD"``: the variable, or a file in systemd's ``$CREDENTIALS_DIRECTORY``
            (``LoadCredential=MQTT_PASSWORD:/etc/mcagent/mqtt``), whose last line end is left out.

    Raises:
        ConfigurationError: There is neither.
    """
    if name in os.environ:
        return os.environ[name]
    reason = "neither in the environment nor among a service's credentials"
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if folder:
        try:
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                return file.read().rstrip("\r\n")
        except UnicodeDecodeError:
            reason = "the file is no UTF-8"  # which would show what stands in it
        except OSError as error:
            reason = str(error)
    raise ConfigurationError(
        f"there is no {name}: {reason}",
        hint=f"set {name} in the environment, or LoadCredential={name}:FILE in the unit",
    )


def run_collector(main: "Callable[[str], None]", description: "str | None") -> None:
    """The command line of a collector: one argument, the TOML file; errors as a line and a hint.

    >>> if __name__ == "__main__":
    ...     run_collector(main, __doc__)
    """
    import argparse

    text = (description or "").strip()
    parser = argparse.ArgumentParser(description=text.split("\n", 1)[0])
    parser.add_argument("file", help="TOML file of this collector")
    options = parser.parse_args()
    log_to_stderr()
    try:
        main(options.file)
    except AgentError as error:
        raise SystemExit(f"{error}\n  hint: {error.hint}" if error.hint else str(error)) from error


def _from_environment(variable: "re.Match[str]") -> str:
    value = os.environ.get(variable[1], "")
    if not value:
        raise ConfigurationError(
            f"a path names {variable[0]}, and the environment has none",
            hint="systemd sets STATE_DIRECTORY and CREDENTIALS_DIRECTORY for a unit made by "
            "`mcagent service print`; elsewhere write the path itself",
        )
    return value


def _own(owners: "dict[Any, str]", member: str, value: "Any", point_id: str) -> None:
    owner = owners.setdefault(value, point_id)
    if owner != point_id:
        raise ConfigurationError(
            f"{member} {value!r} is that of {owner!r} already",
            hint=f"each {member} is one point's",
        )


def _data_point(entry: Section, *, taken: "dict[str, Any]") -> DataPoint:
    if entry.id in taken:
        raise ConfigurationError(
            f"{entry.where}: there is a point {entry.id!r} already",
            hint="an id is unique in the whole file",
        )
    return DataPoint(
        entry.id,
        entry.type,
        unit=entry.unit,
        name=entry.name or None,
        description=entry.description,
        length=entry.length or None,
    )


def _model(name: str, described: "dict[str, tuple[str, DataPoint]]") -> DataModel:
    sources: "dict[str, list[DataPoint]]" = {}
    for source, data_point in described.values():
        sources.setdefault(source, []).append(data_point)
    parts = [DataSource(source, data_points) for source, data_points in sources.items()]
    checksum = zlib.crc32(DataModel("-", parts).fragment())
    return DataModel(f"{name[:_NAME_CHARACTERS]}-{checksum:08x}", parts)
