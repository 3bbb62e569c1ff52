"""One fault rule: its members, what each may be, and the words that refuse anything else."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from .names import nearest, shown
from .times import parse_time

# Action to what it does; the first rule with a deciding action decides.
DECIDING = {
    "status": "that status and headers instead of an answer, no effect",
    "html": "a gateway's HTML page with that status, no effect",
    "drop_before": "the connection is closed, no effect",
    "drop_after": "the request takes effect, then the connection is closed without an answer",
    "reset": "the TCP connection is reset, no effect",
    "cut": "the request takes effect, and its answer ends after `cut_at` bytes",
    "slow_body": "the request takes effect, and its answer trickles for `seconds`",
    "content_type": "the request takes effect, and its answer names another content type",
    "tls_reset": "a new connection is reset when the client says hello",
}
# These come on top, and the next rule is asked.
ADDED = {
    "delay": "`seconds` pass first",
    "clock": "the platform's clock is off by `offset_s` for this request and its answer",
    "revoke": "the access token of the request is revoked for ever",
}
ACTIONS = {**DECIDING, **ADDED}

_SECONDS_MAX = 3600
_OFFSET_MAX_S = 100 * 366 * 86_400  # as `/_emulator/clock`
_WINDOW_MAX_S = 366 * 86_400


@dataclass(frozen=True)
class Rule:
    """What a person asked for; how often it was carried out is kept elsewhere (faults.py).

    Attributes:
        action: One of `ACTIONS`.
        id: Name of the rule in the control interface; "" takes the next free one.
        label: Words for a person; "" makes them of the rule.
        enabled: False: it is there, and does nothing.
        match: Method and path, either of them with `*` for anything; "" matches every request
            outside the control interface.
        agent: Id or name of the agent that asks; "" for anybody.
        contains: Text that the body must contain; "" for any body.
        probability: Of a request that is meant; 1 for each.
        seed: Of the dice: the same requests are hit again when the rule is switched on again.
        after_s: Seconds from switching on until it applies.
        for_s: How long it then applies; None for ever.
        not_before: When it begins to apply by the platform's clock (ISO 8601), "" at once.
        not_after: When it ends, "" never.
        times: How often it applies; None for ever.
        status: Of the answer of `status` and `html`.
        headers: Added to that answer.
        seconds: Waited before the action; of `slow_body`, how long the answer takes.
        offset_s: Of `clock`: added to the platform's clock.
        content_type: Of `content_type`.
        cut_at: Of `cut`: bytes of the answer, its head counted, that are sent; None is half of
            its body, or half of its head if it has none.
    """

    action: str
    id: str = ""
    label: str = ""
    enabled: bool = True
    match: str = ""
    agent: str = ""
    contains: str = ""
    probability: float = 1.0
    seed: int = 0
    after_s: float = 0.0
    for_s: "float | None" = None
    not_before: str = ""
    not_after: str = ""
    times: "int | None" = None
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    offset_s: float = 0.0
    content_type: str = "text/html"
    cut_at: "int | None" = None

    @classmethod
    def from_json(cls, value: Any) -> "Rule":
        """Read a rule.

        Raises:
            ValueError: It is not one; the text names the member and its value.
        """
        if not isinstance(value, dict):
            raise ValueError(f"a fault rule must be a JSON object, not {shown(value)}")  # noqa: TRY004 - bad input
        for name in value:
            if name not in _MEMBERS and name not in SHOWN:
                raise ValueError(
                    f"a fault rule has no member {shown(name)}{nearest(name, _MEMBERS)}"
                )
        if "action" not in value:
            raise ValueError(f"a fault rule needs an action: {', '.join(ACTIONS)}")
        for name, given in value.items():
            if name in _MEMBERS and not _MEMBERS[name].good(given):
                words = _MEMBERS[name].words
                words += nearest(given, ACTIONS) if name == "action" else ""
                raise ValueError(f"{name} of a fault rule is {shown(given)}; it must be {words}")
        members = {name: given for name, given in value.items() if name in _MEMBERS}
        fields_of = members.get("headers", {})
        members["headers"] = {name: str(text) for name, text in fields_of.items()}
        rule = cls(**members)
        _check_together(rule)
        return rule

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def fits(self, method: str, path: str, body: bytes) -> bool:
        """Tell whether the rule is meant for such a request, whoever sends it."""
        wanted = self.match.split(None, 1) or ["*"]
        wanted_method = wanted[0] if len(wanted) == 2 or not wanted[0].startswith("/") else "*"
        wanted_path = wanted[-1] if wanted[-1].startswith(("/", "*")) else "*"
        return (
            self.action != "tls_reset"
            and wanted_method in ("*", method)
            and fnmatchcase(path, wanted_path)
            and self.contains.encode() in body
        )

    def called(self) -> str:
        """Give the rule's label, or words made of what it does."""
        if self.label:
            return self.label
        number = f" {self.status}" if self.action in ("status", "html") else ""
        words = self.action.replace("_", " ") + number
        if self.seconds:
            words += f", {self.seconds:g} s"
        if self.action == "tls_reset":
            return words
        words += f": {self.match.strip() or 'every request'}"
        return words + (f" of {self.agent}" if self.agent else "")


class _Member:
    def __init__(self, words: str, good: Callable[[Any], bool]) -> None:
        self.words = words
        self.good = good


def _text(most: int) -> _Member:
    return _Member(
        f"text of at most {most} characters",
        lambda value: isinstance(value, str) and len(value) <= most and _is_unicode(value),
    )


def _number(low: float, high: float, *, whole: bool = False, none: bool = False) -> _Member:
    kinds = (int,) if whole else (int, float)
    words = f"{'a whole number' if whole else 'a number'} from {low:g} to {high:.10g}"
    return _Member(
        words + (", or null" if none else ""),
        # NaN is in no range.
        lambda value: (none and value is None) or (type(value) in kinds and low <= value <= high),
    )


def _time_text(value: Any) -> bool:
    if value == "":
        return True
    try:
        parse_time(value)
    except ValueError:
        return False
    return True


def _is_unicode(text: str) -> bool:
    """Tell whether *text* can be sent and compared: half of a surrogate pair cannot."""
    return not re.search("[\ud800-\udfff]", text)


def _is_headers(value: Any) -> bool:
    """Tell whether h11 will send them: RFC 9110 tokens, and visible characters."""
    return isinstance(value, dict) and all(
        re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", name)
        and name.lower() not in _OURS
        and (type(text) is int or _is_field(text))
        for name, text in value.items()
    )


def _is_field(text: Any) -> bool:
    return isinstance(text, str) and bool(
        re.fullmatch(r"([\x21-\x7e]([\x20-\x7e]{,998}[\x21-\x7e])?)?", text)
    )


# The hub counts the body itself; another length would cut the answer in its own way.
_OURS = ("content-length", "transfer-encoding", "connection")
_MEMBERS: dict[str, _Member] = {
    "action": _Member(
        "one of " + ", ".join(ACTIONS), lambda value: isinstance(value, str) and value in ACTIONS
    ),
    "id": _Member(
        "up to 64 letters, digits, dots, dashes and underscores",
        lambda value: isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z0-9._-]{,64}", value)),
    ),
    "label": _text(200),
    "enabled": _Member("true or false", lambda value: isinstance(value, bool)),
    "match": _text(1000),
    "agent": _text(128),
    "contains": _text(10_000),
    "probability": _number(0, 1),
    "seed": _number(0, 2**53, whole=True),
    "after_s": _number(0, _WINDOW_MAX_S),
    "for_s": _number(0, _WINDOW_MAX_S, none=True),
    "not_before": _Member("a time such as 2026-03-01T08:00:00Z, or empty", _time_text),
    "not_after": _Member("a time such as 2026-03-01T08:00:00Z, or empty", _time_text),
    "times": _number(0, 2**53, whole=True, none=True),
    "status": _number(200, 599, whole=True),
    "headers": _Member("an object of header fields, without " + ", ".join(_OURS), _is_headers),
    "seconds": _number(0, _SECONDS_MAX),
    "offset_s": _number(-_OFFSET_MAX_S, _OFFSET_MAX_S),
    "content_type": _Member("the text of a Content-Type", _is_field),
    "cut_at": _number(0, 2**53, whole=True, none=True),
}
# Shown beside a rule's own members, so that a list that was read can be put back.
SHOWN = ("hits", "state")
if set(_MEMBERS) != {member.name for member in fields(Rule)}:
    raise AssertionError("a member of Rule has no line in _MEMBERS")


def _check_together(rule: Rule) -> None:
    """Refuse members that contradict one another.

    Raises:
        ValueError: They do.
    """
    if rule.action == "slow_body" and not rule.seconds:
        raise ValueError("seconds of a fault rule is 0; slow_body needs how long the answer takes")
    if rule.action == "clock" and not rule.offset_s:
        raise ValueError("offset_s of a fault rule is 0; clock needs how wrong the clock is")
    if rule.action == "tls_reset":
        # Before the first byte of HTTP nobody knows what is asked, nor by whom.
        for name in ("match", "agent", "contains"):
            if getattr(rule, name):
                raise ValueError(
                    f"{name} of a fault rule is {shown(getattr(rule, name))}; tls_reset knows no"
                    " request, leave it out"
                )
        if rule.times is None and rule.for_s is None:
            raise ValueError(
                "a fault rule with tls_reset needs times or for_s: it hits every new connection,"
                " the control interface's too"
            )
    both = rule.not_before and rule.not_after
    if both and parse_time(rule.not_before) >= parse_time(rule.not_after):
        raise ValueError(
            f"not_after of a fault rule is {shown(rule.not_after)}; it must be later than"
            f" not_before, {shown(rule.not_before)}"
        )
