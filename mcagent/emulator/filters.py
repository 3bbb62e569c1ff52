"""The filter language of the application side: JSON objects (services API 4.2 and 5.1).

Equality `{"name": "Pump 1"}` or `{"name": {"eq": …}}`, `in`, `startsWith`, `endsWith`, `contains`,
`before`, `after`, `between "[a,b)"`, `and` and `or` with a list or an object, `not`, and null.
"""

from collections.abc import Callable, Mapping
from typing import Any

from .answers import Refusal, parse_json
from .times import parse_time

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

_DEPTH_MAX = 10
_LIST_MAX = 1000


def read_filter(text: str, known: "frozenset[str] | None", *, ignore_unknown: bool) -> Test:
    """Read a filter; give a function that tells whether a row passes.

    Args:
        text: The query parameter; `""` lets everything pass.
        known: Members that rows may be filtered by; None for all.
        ignore_unknown: A condition on another member is left out, as asset management does; False
            refuses it, as event management does.

    Raises:
        Refusal: 400, no JSON object, or not of this language.
    """
    if not text.strip():
        return lambda _row: True
    try:
        wanted = parse_json(text)
    except ValueError as exc:
        raise Refusal(400, f"filter is not JSON: {exc}") from exc
    return _Reader(known, ignore_unknown=ignore_unknown).conditions(wanted, 0)


class _Reader:
    def __init__(self, known: "frozenset[str] | None", *, ignore_unknown: bool) -> None:
        self._known = known
        self._ignore_unknown = ignore_unknown

    def conditions(self, wanted: Any, depth: int) -> Test:
        """Read an object, whose members must all hold."""
        if not isinstance(wanted, dict):
            raise Refusal(400, "filter must be a JSON object.")
        if depth > _DEPTH_MAX:
            raise Refusal(400, f"filter is nested deeper than {_DEPTH_MAX}.")
        tests = [self._member(name, value, depth) for name, value in wanted.items()]
        return lambda row: all(test(row) for test in tests)

    def _member(self, name: str, value: Any, depth: int) -> Test:
        if name == "not":
            inner = self.conditions(value, depth + 1)
            return lambda row: not inner(row)
        if name in ("and", "or"):
            # The Node client gives an object where the description has a list.
            parts = [{key: part} for key, part in value.items()] if _is_object(value) else value
            if not isinstance(parts, list):
                raise Refusal(400, f"{name} of the filter must be a list or an object.")
            tests = [self.conditions(part, depth + 1) for part in parts]
            each = all if name == "and" else any
            return lambda row: each(test(row) for test in tests)
        if self._known is not None and name not in self._known:
            if self._ignore_unknown:
                return lambda _row: True
            raise Refusal(
                400, f"filter knows {', '.join(sorted(self._known))}; not {name[:40]!r}."
            )
        return _field_test(name, value)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _field_test(name: str, condition: Any) -> Test:
    if not isinstance(condition, dict):
        if isinstance(condition, list):
            raise Refusal(400, f"filter on {name} must not be a list; use in.")
        return lambda row: _same(row.get(name), condition)
    if not condition:
        raise Refusal(400, f"filter on {name} has no operator.")
    tests = []
    for word, given in condition.items():
        make = _OPERATORS.get(word)
        if make is None:
            known = ", ".join(_OPERATORS)
            raise Refusal(400, f"filter knows the operators {known}; not {word[:40]!r}.")
        value = given["value"] if _is_object(given) and "value" in given else given
        tests.append(make(name, value))
    return lambda row: all(test(row.get(name)) for test in tests)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, tuple):  # a member with several values, such as a type and its parents
        return any(_same(one, wanted) for one in value)
    # 1 == True in Python, not in JSON.
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _equals(name: str, wanted: Any) -> Callable[[Any], bool]:
    if isinstance(wanted, (dict, list)):
        raise Refusal(400, f"eq of {name} needs a single value.")
    return lambda value: _same(value, wanted)


def _one_of(name: str, wanted: Any) -> Callable[[Any], bool]:
    if not isinstance(wanted, list) or len(wanted) > _LIST_MAX:
        raise Refusal(400, f"in of {name} needs a list of at most {_LIST_MAX} values.")
    return lambda value: any(_same(value, one) for one in wanted)


def _text_test(test: Callable[[str, str], bool]) -> Callable[[str, Any], Callable[[Any], bool]]:
    def make(name: str, wanted: Any) -> Callable[[Any], bool]:
        if not isinstance(wanted, str):
            raise Refusal(400, f"filter on {name} needs text.")
        return lambda value: isinstance(value, str) and test(value, wanted)

    return make


def _before(name: str, wanted: Any) -> Callable[[Any], bool]:
    limit = _time(name, wanted)
    return lambda value: value is not None and _time(name, value) < limit


def _after(name: str, wanted: Any) -> Callable[[Any], bool]:
    limit = _time(name, wanted)
    return lambda value: value is not None and _time(name, value) > limit


def _between(name: str, wanted: Any) -> Callable[[Any], bool]:
    text = wanted.strip() if isinstance(wanted, str) else ""
    start, comma, end = text[1:-1].partition(",")
    if not comma or text[0] not in "[(" or text[-1] not in "])":
        raise Refusal(400, f'between of {name} must be like "[2026-03-01T00:00:00Z,…)".')
    # A millisecond is the finest step, so an open end is the closed one beside it.
    low = _time(name, start.strip()) + (text[0] == "(")
    high = _time(name, end.strip()) - (text[-1] == ")")
    return lambda value: value is not None and low <= _time(name, value) <= high


def _time(name: str, text: Any) -> int:
    try:
        return parse_time(text)
    except ValueError as exc:
        raise Refusal(400, f"filter on {name}: {exc}.") from exc


_OPERATORS: dict[str, Callable[[str, Any], Callable[[Any], bool]]] = {
    "eq": _equals,
    "in": _one_of,
    "startsWith": _text_test(str.startswith),
    "endsWith": _text_test(str.endswith),
    "contains": _text_test(lambda value, wanted: wanted in value),
    "before": _before,
    "after": _after,
    "between": _between,
}
