"""The IoT Time Series service: read, write and delete the values of an asset's aspects."""

from typing import NamedTuple

from ..errors import AgentError, InvalidMessage, RemoteError
from ..messages.timestamp import MAX_MS
from ..runtime import random_unit
from .aspects import Aspects, check_asset_id, latest_names
from .bucket import BYTES_PER_S, Bucket
from .deletions import DeleteLog, Deletion, check_deletion, explain_refusal
from .query import path
from .reading import PAGE_MAX, TIMESERIES, Reader, about_now_ms, check_number
from .records import as_record, same_value, show, time_range
from .writing import Writer
from .written import PairError, PartialWrite, Written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator, Mapping

    from .packing import Pair
    from .records import Given, Record, Value
    from .session import Session

    Progress = Callable[[int], None]

__all__ = ["LATEST_WINDOW", "LatestValue", "PairError", "PartialWrite", "TimeSeries", "Written"]

# The two texts of the platform disagree; neither says which one holds where.
LATEST_WINDOW = (
    "values that came at least 2 hours and at most 1 month ago by the platform's older text, "
    "at least 5 minutes and at most 90 days ago by its newer one"
)
NEWEST_WINDOW = "records of the last 12 months"
_DELETE = "iot.tim.d"
_POLL_S = 0.25
_LONGEST_POLL_S = 5.0


class LatestValue(NamedTuple):
    """The newest value of one variable, and its time."""

    variable: str
    value: "Value"
    timestamp_ms: int


class TimeSeries:
    """Reads, writes and deletes time series.

    Example:
        >>> for record in TimeSeries(session).read(asset_id, "motor", yesterday, now):
        ...     print(record.timestamp, record.values)

    Times are aware `datetime` or int ms since 1970 UTC. The start of a range is not part of it,
    its end is. Names and values are checked before a request, where the session may read the
    asset's aspects (scope asm.r).

    Args:
        session: The way to the platform.
        bytes_per_s: Most bytes written a second for one asset and aspect; None for no limit.
        delete_log: File for the times of deletes; None keeps them in memory.
    """

    def __init__(
        self,
        session: "Session",
        *,
        bytes_per_s: "int | None" = BYTES_PER_S,
        delete_log: "str | None" = None,
    ) -> None:
        self._session = session
        self.aspects = Aspects(session)
        bucket = Bucket(bytes_per_s, session.clock, session.sleep)
        self._writer = Writer(session, self.aspects, bucket, random=random_unit)
        self._log = DeleteLog(delete_log)

    # -- read

    def read(
        self,
        asset: str,
        aspect: str,
        after: "Any",
        until: "Any" = None,
        *,
        select: "Iterable[str] | None" = None,
        limit: "int | None" = None,
        descending: bool = False,
        decimals: bool = False,
        page: int = PAGE_MAX,
    ) -> "Iterator[Record]":
        """Read a range of one aspect, of any length, holding one page at a time.

        Args:
            asset: Its id.
            aspect: Name of the aspect.
            after: Start of the range, not part of it.
            until: End of the range, part of it; None is now.
            select: Names of variables; None for all.
            limit: At most so many records; None for all.
            descending: Newest first.
            decimals: Give fractions as `Decimal` with every digit, instead of float.
            page: Records to ask for at a time, at most 2 000.

        Raises:
            InvalidMessage: Ends, names or numbers are wrong: before any record is asked for.
            RemoteError: The platform refuses.
        """
        end = self._end(after, until)
        after_ms, until_ms = time_range(after, end)
        check_number("limit", limit, None)
        check_number("page", page, PAGE_MAX)
        reader = self._reader(asset, aspect, select, decimals=decimals)
        return reader.range(after_ms, until_ms, limit=limit, descending=descending, page=page)

    def read_asset(
        self, asset: str, after: "Any", until: "Any" = None, *, decimals: bool = False
    ) -> "Iterator[tuple[str, Record]]":
        """Read a range of a whole asset, aspect by aspect: (aspect, record).

        Raises:
            InvalidMessage: As for `read`, or the session may not list the asset's aspects.
        """
        end = self._end(after, until)
        time_range(after, end)
        aspects = self.aspects.of(asset)
        if aspects is None:
            raise InvalidMessage(
                f"the aspects of asset {asset} are not known to this session",
                hint="read them one by one, or ask the tenant's administrator for the scope asm.r",
            )
        return (
            (aspect, record)
            for aspect in sorted(aspects)
            if aspects[aspect]
            for record in self.read(asset, aspect, after, end, decimals=decimals)
        )

    def newest(
        self,
        asset: str,
        aspect: str,
        count: int = 1,
        *,
        select: "Iterable[str] | None" = None,
        decimals: bool = False,
    ) -> "list[Record]":
        """Read the newest records, newest first; older than 12 months are not looked at.

        Args:
            asset: Its id.
            aspect: Name of the aspect.
            count: 1 to 2 000.
            select: Names of variables; None for all.
            decimals: As for `read`.

        Raises:
            InvalidMessage: Names or count are wrong.
            RemoteError: The platform refuses.
        """
        check_number("count", count, PAGE_MAX)
        return self._reader(asset, aspect, select, decimals=decimals).newest(count)

    def latest(
        self, asset: str, aspect: str, *, select: "Iterable[str] | None" = None
    ) -> "list[LatestValue]":
        """Read the newest value of each variable, whenever it was.

        The platform looks at `LATEST_WINDOW` only, and not at STRING, BIG_STRING and TIMESTAMP
        variables: for those, and for what is younger, use `newest`.

        Raises:
            InvalidMessage: A variable that is selected is of such a type, or all are.
            RemoteError: The platform refuses.
        """
        check_asset_id(asset)
        variables, names = self.aspects.selected(asset, aspect, select)
        if variables is not None:
            names = latest_names(variables, names, aspect)
        reader = Reader(self._session, asset, aspect, select=names)
        found: "dict[str, LatestValue]" = {}
        for record in reader.latest():
            for name, value in record.values.items():
                held = found.get(name)
                if held is None or held.timestamp_ms < record.timestamp_ms:
                    found[name] = LatestValue(name, value, record.timestamp_ms)
        return [found[name] for name in sorted(found)]

    # -- write

    def write(
        self,
        asset: str,
        aspect: str,
        records: "Iterable[Given]",
        *,
        progress: "Progress | None" = None,
    ) -> Written:
        """Write records of one aspect, split into as many requests as it takes.

        All values of one time make one record, because the platform replaces a record as a whole:
        a list is merged by time; an iterator is read once, and must be in order of time.

        Args:
            asset: Its id.
            aspect: Name of the aspect.
            records: `Record`, or (timestamp, values), or (timestamp, values, quality codes).
            progress: Called with the number of records written so far.

        Raises:
            InvalidMessage: A record would be refused; what was written before it is said.
            PartialWrite: A request was refused after others had been taken.
            RemoteError: The first request was refused.
            TransportError: No answer; what was written before is said.
        """
        check_asset_id(asset)
        return self._writer.write((asset, aspect), records, progress)

    def write_several(
        self,
        records: "Mapping[Pair, Iterable[Given]]",
        *,
        progress: "Progress | None" = None,
    ) -> Written:
        """Write several aspects, also of several assets, in few requests.

        At most 5 pairs, 100 records and 100 KB a request: good for many short aspects. `write` is
        quicker for one long one.

        Args:
            records: (asset id, aspect) to records, as for `write`.
            progress: Called with the number of records written so far.

        Raises:
            PartialWrite: Some were refused; `errors` says which, the others are written.
            InvalidMessage: As for `write`.
        """
        for asset, _aspect in records:
            check_asset_id(asset)
        return self._writer.write_several(records, progress)

    def check(self, asset: str, aspect: str, records: "Iterable[Given]") -> Written:
        """Check records as `write` would, and send nothing.

        Raises:
            InvalidMessage: A record would be refused.
        """
        check_asset_id(asset)
        return self._writer.check((asset, aspect), records)

    def wait_visible(
        self,
        asset: str,
        aspect: str,
        records: "Iterable[Given]",
        *,
        timeout_s: float = 30,
        gone: bool = False,
    ) -> bool:
        """Wait until what was written can be read, because the platform queues writes.

        Args:
            asset: Its id.
            aspect: Name of the aspect.
            records: What was written; a few of them are enough: the last ones, say.
            timeout_s: How long to wait at most.
            gone: Wait until there is no record of these times any more: after a delete.

        Returns:
            Whether it was seen within the time.
        """
        wanted = sorted(as_record(given) for given in records)
        end_ms = self._session.clock.monotonic_ms() + int(timeout_s * 1000)
        reader = self._reader(asset, aspect, None)
        pause_s = _POLL_S
        while True:
            wanted = [record for record in wanted if _is_there(reader, record) == gone]
            left_s = (end_ms - self._session.clock.monotonic_ms()) / 1000
            if not wanted or left_s <= 0:
                return not wanted
            self._session.sleep(min(pause_s, left_s))
            pause_s = min(2 * pause_s, _LONGEST_POLL_S)

    # -- delete

    def delete(
        self, asset: str, aspect: str, after: "Any", until: "Any", *, dry_run: bool = False
    ) -> Deletion:
        """Delete all variables of one aspect in a range, for ever.

        Whole UTC hours, at most 7 days, nothing submitted within the last 7 days, one request a
        day for the whole tenant: what can be seen from here is checked before the request.

        Args:
            asset: Its id.
            aspect: Name of the aspect.
            after: Start of the range, not part of it.
            until: End of the range, part of it.
            dry_run: Check, and send nothing.

        Returns:
            What was deleted; `unchecked` says what could not be checked from here.

        Raises:
            InvalidMessage: A rule is broken; the hint names the next legal range.
            RemoteError: The platform refuses; the hint says when it may go.
        """
        after_ms, until_ms = time_range(after, until)
        check_asset_id(asset)
        self.aspects.variables(asset, aspect)
        tenant = f"{self._session.credentials.tenant} at {self._session.gateway}"
        now_ms = self._session.now_ms()
        latest_ms = self._log.latest_ms(tenant)
        check_deletion(after_ms, until_ms, now_ms, latest_ms)
        deletion = Deletion(asset, aspect, after_ms, until_ms)
        if dry_run:
            return deletion
        try:
            self._session.call(
                "DELETE",
                path(TIMESERIES, asset, aspect),
                query={"from": show(after_ms), "to": show(until_ms)},
                scope=_DELETE,
                doing=f"deleting from aspect {aspect!r} of asset {asset}",
                repeat=False,  # a second one would meet the limit that the first one used up
            )
        except RemoteError as error:
            if error.status in (400, 429):
                error.hint = explain_refusal(error.status, after_ms, until_ms, now_ms, latest_ms)
            raise
        except AgentError as error:
            self._log.note(tenant, now_ms)
            error.hint = (
                "it is not known whether the range was deleted, and it counts as the delete of "
                f"the day: read it after a while. {error.hint}"
            )
            raise
        self._log.note(tenant, now_ms)
        return deletion

    # -- private ----------------------------------------------------------------------------

    def _end(self, after: "Any", until: "Any") -> "Any":
        if until is not None:
            return until
        time_range(after, MAX_MS)  # before anybody is asked what time it is
        return about_now_ms(self._session)

    def _reader(
        self,
        asset: str,
        aspect: str,
        select: "Iterable[str] | None",
        *,
        decimals: bool = False,
    ) -> Reader:
        check_asset_id(asset)
        _variables, names = self.aspects.selected(asset, aspect, select)
        return Reader(self._session, asset, aspect, select=names, decimals=decimals)


def _is_there(reader: Reader, record: "Record") -> bool:
    found = list(reader.range(record.timestamp_ms - 1, record.timestamp_ms))
    if not found:
        return False
    return all(
        name in found[0].values and same_value(value, found[0].values[name])
        for name, value in record.values.items()
        if value is not None and value != ""
    )
