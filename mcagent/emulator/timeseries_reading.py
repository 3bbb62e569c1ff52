"""What a read of the time series service asks for, and how its records look (services API 1.3)."""

import re
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from .answers import Refusal
from .breaches import Breaches
from .settings import STRICT, Settings
from .times import format_time, parse_time
from .timeseries import Page, Span, Variable, newest_values, read_page

LIMIT_MAX = 2000
DAY_MS = 86_400_000
RANGE_MAX_MS = 90 * DAY_MS
# "Queries without specified timestamps do not consider records older than 12 months."
_YEAR_MS = 365 * DAY_MS
_FIRST_MS = -62_135_596_800_000  # the calendar begins in the year 1
# "Not available for String and Timestamp variables"; big strings are not named, a guess.
_NOT_LATEST = ("STRING", "BIG_STRING", "TIMESTAMP")
_AGES = ("latest_min_age_s", "latest_max_age_s")
_NO_FRACTION = ".000Z"
# An end like `to`, in links of ours: with a `from` they may lie more than 90 days apart.
_BEFORE = "_before"
_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,8}")


class Query(NamedTuple):
    """What is asked for: `ranged` if an end of the range was given, `bounded` if `to` was."""

    variables: list[Variable]
    span: Span
    limit: int
    descending: bool
    latest: bool
    ranged: bool
    bounded: bool
    selected: bool


def read_instant(text: object) -> int:
    """Read a time as the service takes it: RFC 3339, and without an offset it is UTC.

    Raises:
        ValueError: It is no time.
    """
    if not isinstance(text, str):
        raise ValueError(f"not an ISO 8601 time: {str(text)[:40]!r}")  # noqa: TRY004 - bad input
    upper = text.upper()
    return parse_time(upper if _ZONE.search(upper) else f"{upper}Z")


def show_instant(millis: int) -> str:
    """Write a time as the service does: without a fraction where there is none."""
    return format_time(millis).replace(_NO_FRACTION, "Z")


def read_query(
    query: Mapping[str, str], variables: list[Variable], *, now_ms: int, settings: Settings
) -> Query:
    """Read the parameters of a GET.

    Raises:
        Refusal: 400, one of them breaks a rule.
    """
    limit = _limit(query.get("limit"))
    after_ms, to_ms = (_instant(query, name) for name in ("from", "to"))
    ranged = after_ms is not None or to_ms is not None
    # `latestValue` had no visible effect together with an end of a range.
    latest = _boolean(query, "latestValue") and not ranged
    sort = query.get("sort", "").lower()
    if sort not in ("", "asc", "desc"):
        raise Refusal(400, f"sort must be asc or desc, not {sort[:40]!r}.")
    chosen = _select(query.get("select", ""), variables, latest=latest, settings=settings)
    span = Span()
    if not ranged:
        # Neither end: the newest record, or the newest `limit` of them, newest first.
        span = Span(now_ms - _YEAR_MS - 1)  # of that age it is not older
    elif to_ms is not None:
        if after_ms is not None:
            check_range(after_ms, to_ms)
        earliest_ms = max(to_ms - RANGE_MAX_MS, _FIRST_MS)
        span = Span(earliest_ms if after_ms is None else after_ms, to_ms)
    elif after_ms is not None:
        before_ms = _instant(query, _BEFORE)
        span = Span(after_ms) if before_ms is None else Span(after_ms, before_ms - 1)
    return Query(
        chosen,
        span,
        limit=limit or (LIMIT_MAX if ranged else 1),
        descending=sort == "desc" if ranged else sort != "asc",
        latest=latest,
        ranged=ranged,
        bounded=to_ms is not None,
        selected="select" in query,
    )


def check_order(after_ms: int, to_ms: int) -> None:
    """Check that a range holds a time at all.

    Raises:
        Refusal: 400.
    """
    if after_ms >= to_ms:
        raise Refusal(400, "from must be before to.")


def check_range(after_ms: int, to_ms: int) -> None:
    """Check the ends of a range that is to be read against each other.

    Raises:
        Refusal: 400.
    """
    check_order(after_ms, to_ms)
    if to_ms - after_ms > RANGE_MAX_MS:
        raise Refusal(400, "[6009] Time range between from and to can't exceed 90 days.")


def read_range(query: Mapping[str, str], name: str) -> "int | None":
    """Read an end of a range; None if it is not given.

    Raises:
        Refusal: 400, it is no time.
    """
    return _instant(query, name)


def _instant(query: Mapping[str, str], name: str) -> "int | None":
    text = query.get(name)
    if text is None:
        return None
    try:
        return read_instant(text)
    except ValueError as exc:
        hint = " The + of an offset must be sent as %2B." if re.search(r" \d\d", text) else ""
        raise Refusal(400, f"{name} is no valid time: {exc}.{hint}") from exc


def _limit(text: "str | None") -> int:
    """Give the limit, 0 if none is given."""
    if text is None:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) > 0):
        raise Refusal(400, f"limit must be a number from 1 to {LIMIT_MAX}.")
    if int(text) > LIMIT_MAX:
        raise Refusal(
            400,
            f"[6009] Input limit[{int(text)}] can't exceed max configured limit of - {LIMIT_MAX}",
        )
    return int(text)


def _boolean(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false"):
        raise Refusal(400, f"{name} must be true or false, not {text[:40]!r}.")
    return text == "true"


def _select(
    text: str, variables: list[Variable], *, latest: bool, settings: Settings
) -> list[Variable]:
    allowed = [v for v in variables if not (latest and v.kind in _NOT_LATEST)]
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        return allowed
    for name in names:
        if all(v.name != name for v in variables):
            if settings.refuse_unknown_select:
                raise Refusal(400, f"select names {name[:64]}, which is no variable.")
        elif all(v.name != name for v in allowed):
            raise Refusal(400, f"latestValue is not available for {name}, which is text or time.")
    return [v for v in allowed if v.name in names]


def answer_query(
    db: sqlite3.Connection, query: Query, *, now_ms: int, settings: Settings, breaches: Breaches
) -> tuple[Page, list[dict[str, Any]]]:
    """Read what a query asks for; give the page, and its records as they are sent."""
    if query.latest:
        window = _window(settings.latest_min_age_s, settings.latest_max_age_s, now_ms)
        page = newest_values(db, query.variables, window, now_ms=now_ms)
        for name in _AGES:
            ages = {one: int(getattr(settings, one)) for one in _AGES}
            ages[name] = STRICT[name]
            strict = _window(ages[_AGES[0]], ages[_AGES[1]], now_ms)
            if newest_values(db, query.variables, strict, now_ms=now_ms) != page:
                words = f"latestValue gives what came outside of the window that {name} sets"
                breaches.note(name, words)
        return page, show_records(page, query.variables, codes=False)
    if query.ranged or query.descending:
        page = read_page(
            db,
            query.variables,
            query.span,
            limit=query.limit,
            now_ms=now_ms,
            descending=query.descending,
        )
    else:  # the newest ones, in the order of their times
        page = read_page(
            db, query.variables, query.span, limit=query.limit, now_ms=now_ms, descending=True
        )
        page = Page(page.records[::-1], page.more)
    return page, show_records(page, query.variables, codes=True)


def _window(least_s: int, most_s: int, now_ms: int) -> Span:
    """Give the times of arrival, not the values' own, that `latestValue` sees."""
    return Span(now_ms - most_s * 1000 - 1, now_ms - least_s * 1000)


def show_records(page: Page, variables: list[Variable], *, codes: bool) -> list[dict[str, Any]]:
    """Shape records, with the quality codes of variables that have any if *codes*."""
    coded = {v.name for v in variables if v.has_quality and codes}
    times = {v.name for v in variables if v.kind == "TIMESTAMP"}
    records = []
    for time_ms, values in page.records:
        record: dict[str, Any] = {"_time": show_instant(time_ms)}
        for name, (value, code) in values.items():
            # What was written before a variable changed its type is still of the old one.
            is_time = name in times and isinstance(value, str)
            record[name] = value.replace(_NO_FRACTION, "Z") if is_time else value
            number = quality_number(code) if name in coded else None
            if number is not None:
                record[f"{name}_qc"] = number
        records.append(record)
    return records


def quality_number(code: "str | None") -> "int | None":
    """Give a quality code as the signed 32-bit number of the service; None if it is none.

    Devices send decimal or hexadecimal text, with or without a sign.
    """
    if code is None:
        return None
    try:
        number = int(code)
    except ValueError:
        number = int(code, 16) if _HEXADECIMAL.fullmatch(code) else 2**32
    if not -(2**31) <= number < 2**32:
        return None
    return number - 2**32 if number >= 2**31 else number


def next_link(query: Query, page: Page, url: str) -> "str | None":
    """Give the URL of the next page, None if this is the last one."""
    if not (page.more and query.ranged):
        return None
    last_ms = page.records[-1][0]
    after_ms, to_ms = query.span
    ends = {"from": after_ms}
    if not query.descending:
        ends["from"] = last_ms
    elif query.bounded:
        to_ms = last_ms - 1  # the end is part of a range
    else:
        ends[_BEFORE] = last_ms
    if query.bounded:
        ends["to"] = to_ms
    parts = [f"{name}={show_instant(ms)}" for name, ms in ends.items()]
    if query.selected:
        parts.append("select=" + quote(",".join(v.name for v in query.variables), safe=","))
    parts.append(f"limit={query.limit}")
    if query.descending:
        parts.append("sort=desc")
    return f"{url}?{'&'.join(parts)}"
