"""Fault rules: what goes wrong on purpose, for which requests, how often (faults_rule.py)."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .clock import PlatformClock
from .faults_rule import DECIDING, SHOWN, Rule
from .times import parse_time

_RULES_MAX = 1000


class Asked(NamedTuple):
    """A request as rules look at it.

    `agent` gives the id and the name of the agent that asks, empty texts if nobody knows; it is
    called only for rules that want to know. `token` tells whether there is an access token.
    """

    method: str
    path: str
    body: bytes
    agent: Callable[[], tuple[str, str]]
    token: bool


class _Rule:
    """A rule in force, and what became of it."""

    def __init__(self, rule: Rule, now: float, hits: int = 0) -> None:
        self.rule = rule
        self.hits = hits
        self.begin(now)

    def begin(self, now: float) -> None:
        """Begin anew: the window, the number of times, the dice."""
        self.since = now
        self.left = self.rule.times
        self.dice = random.Random(self.rule.seed)

    def change(self, rule: Rule, now: float) -> None:
        """Take another rule's members; hits go on. A change of when or how often begins anew."""
        before, self.rule = self.rule, rule
        anew = ("probability", "seed", "after_s", "for_s", "times")
        switched_on = rule.enabled and not before.enabled
        if switched_on or any(getattr(rule, name) != getattr(before, name) for name in anew):
            self.begin(now)

    def state(self, now: float, platform_ms: int) -> str:
        """Tell whether it applies now: `on`, `off`, `waiting`, `over` or `used up`."""
        rule, age = self.rule, now - self.since
        if not rule.enabled:
            return "off"
        if self.left == 0:
            return "used up"
        if rule.for_s is not None and age >= rule.after_s + rule.for_s:
            return "over"
        if rule.not_after and platform_ms >= parse_time(rule.not_after):
            return "over"
        if age < rule.after_s:
            return "waiting"
        if rule.not_before and platform_ms < parse_time(rule.not_before):
            return "waiting"
        return "on"

    def hit(self) -> bool:
        """Throw the dice and count."""
        # Thrown once for each request that is meant, so that a seed gives the same row of hits.
        if self.dice.random() >= self.rule.probability:
            return False
        self.hits += 1
        if self.left is not None:
            self.left -= 1
        return True

    def show(self, now: float, platform_ms: int) -> dict[str, Any]:
        return {
            **self.rule.as_dict(),
            "label": self.rule.called(),
            "times": self.left,
            "hits": self.hits,
            "state": self.state(now, platform_ms),
        }


class Faults:
    """The rules in force: the first deciding one that applies decides; others come on top."""

    def __init__(
        self, clock: PlatformClock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._rules: dict[str, _Rule] = {}
        self._numbers: Iterator[int] = iter(range(1, 2**62))

    def replace(self, rules: Any) -> None:
        """Put a list of rules (JSON objects) in force instead of the present ones.

        Raises:
            ValueError: One of them is not a rule; the present ones stay.
        """
        if not isinstance(rules, list) or len(rules) > _RULES_MAX:
            raise ValueError(f"fault rules must be a list of at most {_RULES_MAX}")
        read = []
        for number, value in enumerate(rules, 1):
            try:
                read.append(Rule.from_json(value))
            except ValueError as exc:
                raise ValueError(f"rule {number} of {len(rules)}: {exc}") from exc
        named = [rule.id for rule in read if rule.id]
        twice = {name for name in named if named.count(name) > 1}
        if twice:
            raise ValueError(f"id {min(twice)!r} is that of several fault rules")
        with self._lock:
            fresh: dict[str, _Rule] = {}
            for rule in read:
                self._insert(fresh, rule, taken=named)
            self._rules = fresh

    def add(self, value: Any) -> dict[str, Any]:
        """Add a rule behind the others; give it as it is shown.

        Raises:
            ValueError: It is not a rule, or its id is taken.
        """
        rule = Rule.from_json(value)
        with self._lock:
            if rule.id in self._rules:
                raise ValueError(f"id {rule.id!r} is that of another fault rule")
            if len(self._rules) >= _RULES_MAX:
                raise ValueError(f"there are {_RULES_MAX} fault rules already")
            entry = self._insert(self._rules, rule, taken=self._rules)
            return self._shown(entry)

    def change(self, name: str, changes: Any) -> dict[str, Any]:
        """Set members of the rule *name*; give it as it is shown.

        Switching it on, or changing when or how often it applies, begins it anew.

        Raises:
            KeyError: There is no such rule.
            ValueError: It would not be a rule; it stays as it was.
        """
        if not isinstance(changes, dict):
            raise ValueError("changes of a fault rule must be a JSON object")  # noqa: TRY004 - bad input
        with self._lock:
            entry = self._rules[name]
            members = {key: value for key, value in changes.items() if key not in SHOWN}
            rule = Rule.from_json({**entry.rule.as_dict(), **members})
            if rule.id != name:
                raise ValueError(f"id of the fault rule {name!r} cannot be changed")
            entry.change(rule, self._monotonic())
            return self._shown(entry)

    def remove(self, name: str) -> None:
        """Forget the rule *name*.

        Raises:
            KeyError: There is no such rule.
        """
        with self._lock:
            del self._rules[name]

    def show(self) -> list[dict[str, Any]]:
        """Give all rules; `times` is what is left, `hits` and `state` say how they fare."""
        with self._lock:
            return [self._shown(entry) for entry in self._rules.values()]

    def mark(self) -> tuple[Any, ...]:
        """Give what differs whenever `show` does; cheap, because each open page asks for it."""
        with self._lock:
            now, platform_ms = self._monotonic(), self._clock.now_ms()
            rules = self._rules.values()
            return tuple((one.rule, one.hits, one.state(now, platform_ms)) for one in rules)

    def show_one(self, name: str) -> dict[str, Any]:
        """Give the rule *name*.

        Raises:
            KeyError: There is no such rule.
        """
        with self._lock:
            return self._shown(self._rules[name])

    def take(self, asked: Asked) -> list[Rule]:
        """Give the rules to carry out for a request, in order, and count them."""
        return self._take(lambda rule: _is_meant(rule, asked))

    def take_connection(self) -> bool:
        """Tell whether a connection that was just accepted is to be reset, and count it."""
        return bool(self._take(lambda rule: rule.action == "tls_reset"))

    def _take(self, is_meant: Callable[[Rule], bool]) -> list[Rule]:
        taken: list[Rule] = []
        if not self._rules:
            return taken
        with self._lock:
            now, platform_ms = self._monotonic(), self._clock.now_ms()
            for entry in self._rules.values():
                if entry.state(now, platform_ms) != "on" or not is_meant(entry.rule):
                    continue
                if entry.hit():
                    taken.append(entry.rule)
                    if entry.rule.action in DECIDING:
                        break
        return taken

    def _insert(self, rules: dict[str, _Rule], rule: Rule, *, taken: Any) -> _Rule:
        name = rule.id
        while not name or (not rule.id and (name in taken or name in rules)):
            name = f"fault-{next(self._numbers)}"
        rules[name] = _Rule(Rule(**{**rule.as_dict(), "id": name}), self._monotonic())
        return rules[name]

    def _shown(self, entry: _Rule) -> dict[str, Any]:
        return entry.show(self._monotonic(), self._clock.now_ms())


def _is_meant(rule: Rule, asked: Asked) -> bool:
    if not rule.fits(asked.method, asked.path, asked.body):
        return False
    if rule.action == "revoke" and not asked.token:
        return False
    return not rule.agent or rule.agent in asked.agent()
