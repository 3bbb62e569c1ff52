"""Takes secrets out of text: those that are known by name, and what looks like one.

The parts of a bundle are made without secrets; this stands behind them, because words of others
(a log, a gateway's answer) can repeat what they were sent.
"""

import re
from itertools import islice

from ..errors import AgentError
from ..inspection.entry import KEPT, Entry, json_text
from ..inspection.export import Export
from ..inspection.survey import Survey
from ..inspection.walk import SegmentWalk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from .case import Case

LEFT_OUT = "[left out]"
_LEAST_CHARACTERS = 6  # shorter ones would take half of the text with them
_BEGINNING = 12  # of a key: words of others are cut off anywhere, so a part of it may be left
_MOST_REFUSED = 1000  # records whose values are looked for
_MOST_WAITING = 100  # of each lane: those that are refused stand in front
_LOOKS = (
    re.compile(r"eyJ[\w.-]{12,}"),  # a JWT: IAT, RAT, access token, assertion
    re.compile(r"(?<=[Bb]earer )\S+"),
    re.compile(r"(?<=[Bb]asic )[A-Za-z0-9+/=]{6,}"),
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
    ),
    re.compile(r"(?<=://)[^/\s@]+(?=@)"),  # user and password in a URL
    re.compile(r"(?i)(?<=client_secret)([\"'=: ]+)[^\s\"'&,}]+"),
)


class Scrubber:
    """Scrubs texts of one device.

    Args:
        keys: What grants something: not even a part of it may stand in a text.
        words: What must not stand in a text whole.
    """

    def __init__(self, keys: "list[str]", words: "list[str]") -> None:
        known = {text for text in (*keys, *words) if len(text) >= _LEAST_CHARACTERS}
        # The longest first: one may be the beginning of another.
        self._known = sorted(known, key=len, reverse=True)
        begins = {re.escape(key[:_BEGINNING]) for key in keys if len(key) > _BEGINNING}
        self._begins = re.compile("(?:" + "|".join(sorted(begins)) + r")[\w./+=%-]*")
        self._has_keys = bool(begins)

    def scrub(self, text: str) -> str:
        for known in self._known:
            text = text.replace(known, LEFT_OUT)
        if self._has_keys:
            text = self._begins.sub(LEFT_OUT, text)
        for look in _LOOKS:
            text = look.sub(LEFT_OUT, text)
        return text

    def scrub_all(self, value: "Any") -> "Any":
        """*value*, of dicts, lists and texts, scrubbed before it is encoded: JSON escapes."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, dict):
            return {self.scrub(str(key)): self.scrub_all(value[key]) for key in value}
        if isinstance(value, (list, tuple)):
            return [self.scrub_all(entry) for entry in value]
        return value


def scrubber_for(case: "Case", proxies: "list[str]") -> Scrubber:
    """Knows every secret that this device is known to have.

    Args:
        case: After its examination.
        proxies: Settings of proxies that may hold a password.
    """
    keys = list(case.record.secrets())
    if case.boarding is not None:
        keys.append(case.boarding.iat)
    if case.token:
        keys.append(case.token)
    for proxy in proxies:
        keys += _of_proxy(proxy)
    words = _of_refused(case.directory) + _of_waiting(case.directory)
    return Scrubber(keys, words)


def _of_proxy(text: str) -> "list[str]":
    """User and password of a proxy, plain and in each form in which they travel."""
    from base64 import b64encode
    from urllib.parse import unquote

    place = text.partition("://")[2] or text
    pair, at, _host = place.rpartition("@")
    if not at:
        return []
    user, _colon, password = pair.partition(":")
    plain = f"{unquote(user)}:{unquote(password)}"
    found = [pair, plain, b64encode(plain.encode()).decode()]
    return found + [word for word in (password, unquote(password)) if word]


def _of_refused(directory: str) -> "list[str]":
    """The values of refused records: the platform's words about them can quote one."""
    try:
        survey = Survey(directory)
    except AgentError:
        return []
    found: "list[str]" = []
    lane = survey.lanes["rejected"]
    count = 0
    for place in range(len(lane.segments)):
        try:
            with SegmentWalk(survey, lane, place) as walk:
                for record in walk.records():
                    count += 1
                    if count > _MOST_REFUSED:
                        return found
                    found += _texts(json_text(Entry(lane, record, KEPT).payload))
        except OSError:
            continue  # what cannot be read cannot be quoted by us
    return found


def _of_waiting(directory: str) -> "list[str]":
    """The values of the oldest records that wait: the platform may refuse them just now."""
    found: "list[str]" = []
    try:
        survey = Survey(directory)
    except AgentError:
        return found
    for lane in ("events", "timeseries"):
        entries = Export(survey, lambda _size: None).entries([lane])
        for entry in islice(entries, _MOST_WAITING):
            found += _texts(json_text(entry.payload))
    return found


def _texts(payload: "str | None") -> "Iterator[str]":
    import json

    if payload is None:
        return
    left: "list[Any]" = [json.loads(payload)]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            # Names are not values: point ids, quality codes and times stay readable.
            left += [value[key] for key in value if key not in _NAMES]
        elif isinstance(value, list):
            left += value
        elif isinstance(value, str):
            yield value


_NAMES = ("dataPointId", "timestamp", "qualityCode", "configurationId", "type", "id")
