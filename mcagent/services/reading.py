"""Reading time series: in pieces, one page held at a time, every record once."""

import json
import re
from decimal import Decimal

from ..errors import InvalidMessage, RemoteError
from ..transport.http import MAX_ANSWER_BYTES
from .errors import require
from .paging import loop_error, next_link
from .query import path
from .records import Record, parse_instant, read_records, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

    from ..transport.http import Response
    from .session import Session

TIMESERIES = "/api/iottimeseries/v3/timeseries"
READ = "iot.tim.r"
PAGE_MAX = 2000
RANGE_MAX_MS = 90 * 86_400_000
# "Input limit[2001] can't exceed max configured limit of - 2000" was observed: it is a setting.
_CONFIGURED = re.compile(r"max configured limit of - ([0-9]{1,9})\b")


class Reader:
    """Reads one aspect.

    Args:
        session: The way to the platform.
        asset: Its id.
        aspect: Name of the aspect.
        select: Names of variables; None for all.
        decimals: Give fractions as `Decimal`, every digit kept.
    """

    def __init__(
        self,
        session: "Session",
        asset: str,
        aspect: str,
        *,
        select: "tuple[str, ...] | None" = None,
        decimals: bool = False,
    ) -> None:
        self._session = session
        self._path = path(TIMESERIES, asset, aspect)
        self._select = None if select is None else ",".join(select)
        self._decimals = decimals
        self.doing = f"reading aspect {aspect!r} of asset {asset}"

    def range(
        self,
        after_ms: int,
        until_ms: int,
        *,
        limit: "int | None" = None,
        descending: bool = False,
        page: int = PAGE_MAX,
    ) -> "Iterator[Record]":
        """Records with *after_ms* < time ≤ *until_ms*, each once, in order.

        Args:
            after_ms: Not part of the range.
            until_ms: Part of the range.
            limit: At most so many in all; None for all.
            descending: Newest first.
            page: Records to ask for at a time.
        """
        left = limit
        size = page if limit is None else min(page, limit)
        while after_ms < until_ms:
            begin_ms, end_ms = _window(after_ms, until_ms, descending=descending)
            query = {
                "from": show(begin_ms),
                "to": show(end_ms),
                "limit": size,
                "sort": "desc" if descending else None,
            }
            try:
                response = self._get(query)
            except RemoteError as error:
                size = _most_allowed(error, size)
                continue
            if len(response.body) >= MAX_ANSWER_BYTES and size > 1:
                size //= 2  # it was cut off: large texts; fewer at a time
                continue
            rows = require(list, self._rows(response), self.doing)
            full = len(rows) >= size
            records = read_records(rows, self.doing)
            self._check_order(records, descending=descending)
            records = _inside(records, begin_ms, end_ms)
            for record in records:
                yield record
                if left is not None:
                    left -= 1
                    if left == 0:
                        return
            # A page tells of the time up to its last record, and of none behind it: a service may
            # give fewer than it was asked for and not say so. Only an empty page is an end. The
            # next is asked for by our own reckoning: a link that is missing loses nothing then,
            # and one that leads round in a circle, or elsewhere, does not matter.
            link = next_link(response)
            start_ms = end_ms if descending else begin_ms
            if records:
                reached_ms = records[-1].timestamp_ms - descending
            elif link:
                reached_ms = _ends_of(link, begin_ms, end_ms)[descending]
            else:
                reached_ms = begin_ms if descending else end_ms
            if reached_ms == start_ms or (full and not records):
                raise loop_error(self.doing, f"nothing new after {show(start_ms)}")
            if descending:
                until_ms = reached_ms
            else:
                after_ms = reached_ms

    def newest(self, count: int) -> "list[Record]":
        """The newest records, newest first, as the service finds them without a range."""
        records = read_records(
            self._rows(self._get({"limit": count} if count > 1 else {})), self.doing
        )
        return sorted(records, key=_time, reverse=True)[:count]

    def latest(self) -> "list[Record]":
        """What ``latestValue`` finds: each variable in one record."""
        return read_records(self._rows(self._get({"latestValue": True})), self.doing)

    # -- private ----------------------------------------------------------------------------

    def _check_order(self, records: "list[Record]", *, descending: bool) -> None:
        times = [record.timestamp_ms for record in records]
        if times != sorted(times, reverse=descending):
            raise loop_error(self.doing, "the records are not in order of time")

    def _get(self, query: "dict[str, Any]") -> "Response":
        return self._session.call(
            "GET",
            self._path,
            query={**query, "select": self._select},
            scope=READ,
            doing=self.doing,
            expect=(200,),
        )

    def _rows(self, response: "Response") -> "Any":
        if not self._decimals:
            return self._session.parse(response, self.doing)
        try:
            return json.loads(response.body.decode(), parse_float=Decimal)
        except ValueError:
            return self._session.parse(response, self.doing)


def about_now_ms(session: "Session") -> int:
    """The end of a range that reaches to now.

    The platform's clock is known to half a second: what was written a moment ago lies before it.
    """
    return session.measured_now_ms() + 1000


def _window(after_ms: int, until_ms: int, *, descending: bool) -> "tuple[int, int]":
    """The first part of a range, of 90 days at most."""
    if descending:
        return max(after_ms, until_ms - RANGE_MAX_MS), until_ms
    return after_ms, min(until_ms, after_ms + RANGE_MAX_MS)


def _most_allowed(error: RemoteError, size: int) -> int:
    """How many records a service gives at most that refused to give *size*.

    Raises:
        RemoteError: *error*, if it is about anything else.
    """
    found = _CONFIGURED.search(error.reason) if error.status == 400 else None
    most = int(found.group(1)) if found else 0
    if not 0 < most < size:
        raise error
    return most


def check_number(name: str, value: "int | None", most: "int | None") -> None:
    """Check a number that the service limits; None is no number.

    Raises:
        InvalidMessage: It is none, or more than *most*.
    """
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidMessage(f"{name}={value!r} is not a number from 1 on", hint="give an int")
    if most is not None and value > most:
        raise InvalidMessage(
            f"{name}={value} is more than {most}, the most that the service gives at a time",
            hint="read a range instead: it may hold any number of records",
        )


def _inside(records: "list[Record]", after_ms: int, until_ms: int) -> "list[Record]":
    """Without what stands on the other side of an end, should a service count ends otherwise."""
    if records and not (
        after_ms < records[0].timestamp_ms <= until_ms
        and after_ms < records[-1].timestamp_ms <= until_ms
    ):
        return [record for record in records if after_ms < record.timestamp_ms <= until_ms]
    return records


def _ends_of(link: str, after_ms: int, until_ms: int) -> "tuple[int, int]":
    """The part of the range that a link leads to, from a page without records."""
    from urllib.parse import parse_qs, urlsplit

    query = parse_qs(urlsplit(link).query)
    ends = []
    for name, known in (("from", after_ms), ("to", until_ms)):
        try:
            ends.append(parse_instant(query[name][0], {}))
        except (KeyError, ValueError):
            ends.append(known)
    return max(after_ms, ends[0]), min(until_ms, ends[1])


def _time(record: Record) -> int:
    return record.timestamp_ms
