"""Fault rules: what goes wrong on purpose, for which requests, how often.

A rule is a JSON object:
`{"match": "POST /api/mindconnect/v3/exchange", "contains": "text in the body",
"action": "status|drop_before|drop_after|delay|html", "status": 503, "headers": {}, "seconds": 0,
"times": 3}`. Only `action` is compulsory.
"""

import re
import threading
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

ACTIONS = ("status", "drop_before", "drop_after", "delay", "html")


@dataclass
class Fault:
    """One rule.

    Attributes:
        match: Method and path, either of them with `*` for anything; "" matches every request
            outside the control interface.
        contains: Text that the body must contain; "" for any body.
        action: `status` answers without effect; `html` does so with a gateway's HTML page;
            `drop_before` hangs up without effect; `drop_after` lets the request take effect and
            hangs up instead of answering; `delay` waits and goes on.
        status: Of the answer of `status` and `html`.
        headers: Added to that answer.
        seconds: Waited before the action.
        times: How often the rule still applies; None for ever.
        hits: How often it has applied.
    """

    action: str
    match: str = ""
    contains: str = ""
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    times: "int | None" = None
    hits: int = 0

    @classmethod
    def from_json(cls, value: Any) -> "Fault":
        """Read a rule.

        Raises:
            ValueError: It is not one; the text says why.
        """
        if not isinstance(value, dict):
            raise ValueError("a fault rule must be a JSON object")  # noqa: TRY004 - bad input
        unknown = set(value) - set(_TYPES)
        if unknown:
            raise ValueError(f"unknown member {min(unknown)!r} in a fault rule")
        for name, types in _TYPES.items():
            if name in value and (
                not isinstance(value[name], types) or isinstance(value[name], bool)
            ):
                raise ValueError(f"member {name!r} of a fault rule has the wrong type")
        if value.get("action") not in ACTIONS:
            raise ValueError(f"action of a fault rule must be one of {', '.join(ACTIONS)}")
        rule = cls(**{name: value[name] for name in value if name != "hits"})
        if not 200 <= rule.status <= 599:
            raise ValueError("status of a fault rule must be from 200 to 599")
        if not 0 <= rule.seconds <= 3600 or (rule.times is not None and rule.times < 0):
            raise ValueError("seconds and times of a fault rule must not be negative")
        rule.headers = {str(name): str(text) for name, text in rule.headers.items()}
        if not all(_is_header(*header) for header in rule.headers.items()):
            raise ValueError("headers of a fault rule are not header fields")
        return rule

    def applies(self, method: str, path: str, body: bytes) -> bool:
        """Tell whether the rule is still in force and meant for this request."""
        wanted = self.match.split(None, 1) or ["*"]
        wanted_method = wanted[0] if len(wanted) == 2 or not wanted[0].startswith("/") else "*"
        wanted_path = wanted[-1] if wanted[-1].startswith(("/", "*")) else "*"
        return (
            self.times != 0
            and wanted_method in ("*", method)
            and fnmatchcase(path, wanted_path)
            and self.contains.encode() in body
        )


_TYPES: dict[str, Any] = {
    "action": str,
    "match": str,
    "contains": str,
    "status": int,
    "headers": dict,
    "seconds": (int, float),
    "times": (int, type(None)),
    "hits": int,  # as shown by `Faults.show`, so that a list read can be put back
}


def _is_header(name: str, text: str) -> bool:
    """Tell whether h11 will send it: RFC 9110 token, and visible characters."""
    return bool(re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name)) and bool(
        re.fullmatch(r"[\x20-\x7e]*", text)
    )


class Faults:
    """The rules in force: the first one that applies decides, but a `delay` only comes on top."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def replace(self, rules: Any) -> None:
        """Put a list of rules (JSON objects) in force instead of the present one.

        Raises:
            ValueError: One of them is not a rule; the present ones stay.
        """
        if not isinstance(rules, list):
            raise ValueError("fault rules must be a list")  # noqa: TRY004 - bad input
        fresh = [Fault.from_json(rule) for rule in rules]
        with self._lock:
            self._rules = fresh

    def show(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def take(self, method: str, path: str, body: bytes) -> list[Fault]:
        """Give the rules to carry out for a request, in order, and count them down."""
        taken = []
        with self._lock:
            for rule in self._rules:
                if rule.applies(method, path, body):
                    rule.hits += 1
                    if rule.times is not None:
                        rule.times -= 1
                    taken.append(rule)
                    if rule.action != "delay":
                        break
        return taken
