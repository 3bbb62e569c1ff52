"""Lists as the platform answers them: `filter`, `sort`, `size` and `page` (agent API 2.4, 2.5)."""

from collections.abc import Callable, Mapping
from typing import Any

from .answers import Refusal, parse_json

_SIZE_DEFAULT = 20
_SIZE_MAX = 2000  # the Node client asks for that many mappings (agent API 8)

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "neq": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: isinstance(wanted, list) and value in wanted,
    "startsWith": lambda value, wanted: str(value).startswith(str(wanted)),
    "endsWith": lambda value, wanted: str(value).endswith(str(wanted)),
    "contains": lambda value, wanted: str(wanted) in str(value),
    # For times in the service's own form, whose order is that of their text.
    "before": lambda value, wanted: str(value) < str(wanted),
    "after": lambda value, wanted: str(value) > str(wanted),
}


def page_of(
    rows: list[dict[str, Any]],
    query: Mapping[str, str],
    *,
    keys: tuple[str, ...],
    sortable: tuple[str, ...] = (),
) -> Any:
    """Filter, sort and cut *rows* as the query asks.

    Args:
        rows: Everything that the caller may see, in order of creation.
        query: The request's query parameters.
        keys: Members that may be filtered by, and sorted.
        sortable: Members that may be sorted by, if others than these.

    Raises:
        Refusal: 400, a parameter is not valid.
    """
    size = _number(query, "size", _SIZE_DEFAULT, 1, _SIZE_MAX)
    number = _number(query, "page", 0, 0, 1_000_000)
    wanted = _filter(query.get("filter", ""), keys)
    rows = [row for row in rows if _matches(row, wanted)]
    sort = _sort(query.get("sort", ""), sortable or keys)
    for order in reversed(sort or []):
        rows.sort(key=lambda row: str(row[order["property"]]), reverse=order["descending"])
    pages = -(-len(rows) // size)
    content = rows[number * size : (number + 1) * size]
    return {
        "content": content,
        "totalPages": pages,
        "totalElements": len(rows),
        "last": number >= pages - 1,
        "first": number == 0,
        "numberOfElements": len(content),
        "size": size,
        "number": number,
        "sort": sort,
    }


def _number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise Refusal(400, f"{name} must be a number from {low} to {high}.")
    return int(text)


def _filter(text: str, keys: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Read a filter's conditions, all of which must hold.

    They may stand below `and`, as an object or a list of objects: the Node client sends that.
    """
    if not text:
        return []
    try:
        wanted = parse_json(text)
    except ValueError as exc:
        raise Refusal(400, f"filter is not JSON: {exc}") from exc
    if not isinstance(wanted, dict):
        raise Refusal(400, "filter must be a JSON object.")
    both = wanted.pop("and", [])
    parts = [wanted, *(both if isinstance(both, list) else [both])]
    if not all(isinstance(part, dict) for part in parts):
        raise Refusal(400, "and of the filter must be a list of objects, or an object.")
    conditions = [pair for part in parts for pair in part.items()]
    for key, condition in conditions:
        if key not in keys:
            raise Refusal(400, f"filter knows {', '.join(keys)}, not {key[:40]!r}.")
        if isinstance(condition, dict) and not set(condition) <= set(_OPERATORS):
            raise Refusal(400, f"filter knows the operators {', '.join(_OPERATORS)}.")
    return conditions


def _matches(row: dict[str, Any], wanted: list[tuple[str, Any]]) -> bool:
    for key, condition in wanted:
        conditions = condition if isinstance(condition, dict) else {"eq": condition}
        if not all(_OPERATORS[name](row[key], value) for name, value in conditions.items()):
            return False
    return True


def _sort(text: str, keys: tuple[str, ...]) -> "list[dict[str, Any]] | None":
    """Read `field1,field2,desc`; the direction may be left out."""
    names = [name for name in text.split(",") if name]
    descending = bool(names) and names[-1].lower() == "desc"
    if names and names[-1].lower() in ("asc", "desc"):
        names.pop()
    if not set(names) <= set(keys):
        raise Refusal(400, f"sort knows {', '.join(keys)}.")
    return [
        {
            "direction": "DESC" if descending else "ASC",
            "property": name,
            "ignoreCase": False,
            "nullHandling": "NATIVE",
            "descending": descending,
            "ascending": not descending,
        }
        for name in names
    ] or None
