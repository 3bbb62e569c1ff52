"""Writing time series: bodies within the limits, at the rate, one request at a time."""

import threading

from ..errors import AgentError, RemoteError
from ..upload.backoff import Backoff
from .packing import BODY_MAX_BYTES, Merging, batches, bodies, joined
from .query import path
from .recordencoder import RecordEncoder
from .written import Written, pair_errors, part_error, partial_write, with_progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Iterator, Mapping

    from .aspects import Aspects
    from .bucket import Bucket
    from .packing import Pair, Part
    from .records import Given, Record
    from .session import Session
    from .written import PairError

    Progress = Callable[[int], None]

TIMESERIES = "/api/iottimeseries/v3/timeseries"
_WRITE = "iot.tim.w"
_LATER = (429, 500, 502, 503, 504)
_PAIR_ATTEMPTS = 5
_LONGEST_WAIT_MS = 60_000
# These will be said of the pair's next records as well.
_FOR_GOOD = (401, 403, 404)


class Writer:
    """Writes records; several threads may use it.

    Args:
        session: The way to the platform.
        aspects: Gives the types.
        bucket: Keeps the rate.
        random: Uniform in [0, 1), for waits.
    """

    def __init__(
        self,
        session: "Session",
        aspects: "Aspects",
        bucket: "Bucket",
        *,
        random: "Callable[[], float]",
    ) -> None:
        self._session = session
        self._aspects = aspects
        self._bucket = bucket
        self._random = random
        # "Requests are processed in order of arrival": two requests at a time for one record
        # would leave its content to chance, so there is one for an asset and aspect.
        self._lock = threading.Lock()
        self._busy: "dict[Pair, threading.Lock]" = {}

    def write(
        self, pair: "Pair", records: "Iterable[Given]", progress: "Progress | None" = None
    ) -> Written:
        """Write to one aspect; see `TimeSeries.write`."""
        encoder = self._encoder(pair)
        merging = Merging()
        done = Written()
        most = min(BODY_MAX_BYTES, self._bucket.body_bytes or BODY_MAX_BYTES)
        try:
            with self._alone([pair]):
                for body in bodies(merging.records(records), encoder, most):
                    self._put(pair, body.data)
                    done = done.plus(body.records, len(body.data), body.last_ms)
                    if progress is not None:
                        progress(done.records)
        except AgentError as error:
            raise with_progress(error, done) from error
        return done._replace(empty_strings=encoder.empty_strings, replaced=merging.replaced)

    def write_several(
        self,
        records: "Mapping[Pair, Iterable[Given]]",
        progress: "Progress | None" = None,
    ) -> Written:
        """Write to several aspects; see `TimeSeries.write_several`."""
        encoders = {pair: self._encoder(pair) for pair in records}
        merging = Merging()
        done = Written()
        failed: "list[PairError]" = []
        hopeless: "set[Pair]" = set()

        def given() -> "Iterator[tuple[Pair, Iterator[Record], RecordEncoder]]":
            for pair, items in records.items():
                yield pair, merging.records(items), encoders[pair]

        try:
            with self._alone(sorted(records)):
                for batch in batches(given()):
                    parts = []
                    for part in batch:
                        if (part.asset, part.aspect) in hopeless:
                            failed.append(_again(failed, part))
                        else:
                            parts.append(part)
                    if not parts:
                        continue
                    errors, size = self._put_several(parts)
                    failed += errors
                    bad = {(error.asset, error.aspect) for error in errors}
                    hopeless |= {
                        (error.asset, error.aspect)
                        for error in errors
                        if error.status in _FOR_GOOD
                    }
                    good = [part for part in parts if (part.asset, part.aspect) not in bad]
                    if good:
                        count = sum(part.body.records for part in good)
                        last_ms = max(part.body.last_ms for part in good)
                        done = done.plus(count, size, last_ms)
                    if progress is not None:
                        progress(done.records)
        except AgentError as error:
            raise with_progress(error, done, failed) from error
        done = done._replace(
            empty_strings=sum(encoder.empty_strings for encoder in encoders.values()),
            replaced=merging.replaced,
        )
        if failed:
            raise partial_write(done, failed)
        return done

    def check(self, pair: "Pair", records: "Iterable[Given]") -> Written:
        """What `write` would send, without sending it.

        Raises:
            InvalidMessage: A record would be refused.
        """
        encoder = self._encoder(pair)
        merging = Merging()
        done = Written()
        for body in bodies(merging.records(records), encoder):
            done = done.plus(body.records, len(body.data), body.last_ms)
        return done._replace(empty_strings=encoder.empty_strings, replaced=merging.replaced)

    # -- private ----------------------------------------------------------------------------

    def _encoder(self, pair: "Pair") -> RecordEncoder:
        variables = self._aspects.variables(*pair)
        return RecordEncoder(
            pair[1], variables, again=lambda: self._aspects.variables(*pair, again=True)
        )

    def _put(self, pair: "Pair", data: bytes) -> None:
        self._bucket.take(pair, len(data))
        self._session.call(
            "PUT",
            path(TIMESERIES, *pair),
            body=data,
            headers={"Content-Type": "application/json"},
            scope=_WRITE,
            doing=f"writing aspect {pair[1]!r} of asset {pair[0]}",
        )

    def _put_several(self, parts: "list[Part]") -> "tuple[list[PairError], int]":
        """Send a batch; repeat the pairs that were refused for the moment."""
        if len(parts) == 1:
            # One alone may be too large for a request to several; and its answer is plainer.
            part = parts[0]
            try:
                self._put((part.asset, part.aspect), part.body.data)
            except RemoteError as error:
                return [part_error(part, error.status, error.reason)], 0
            return [], len(part.body.data)
        backoff = Backoff(self._random)
        failed: "list[PairError]" = []
        size = 0
        for attempt in range(1, _PAIR_ATTEMPTS + 1):
            for part in parts:
                self._bucket.take((part.asset, part.aspect), len(part.body.data))
            data = joined(parts)
            size += len(data)
            response = self._session.call(
                "PUT",
                TIMESERIES,
                body=data,
                headers={"Content-Type": "application/json"},
                scope=_WRITE,
                doing=f"writing {len(parts)} aspects",
            )
            errors = pair_errors(response, parts)
            later = {(e.asset, e.aspect) for e in errors if e.status in _LATER}
            if not later or attempt == _PAIR_ATTEMPTS:
                failed += errors
                break
            failed += [error for error in errors if error.status not in _LATER]
            parts = [part for part in parts if (part.asset, part.aspect) in later]
            self._session.sleep(backoff.next_ms(_LONGEST_WAIT_MS) / 1000)
        return failed, size

    def _alone(self, pairs: "list[Pair]") -> "_Alone":
        with self._lock:
            return _Alone([self._busy.setdefault(pair, threading.Lock()) for pair in pairs])


class _Alone:
    """Holds the locks of some pairs; they are always taken in the same order."""

    def __init__(self, locks: "list[threading.Lock]") -> None:
        self._locks = locks

    def __enter__(self) -> None:
        for lock in self._locks:
            lock.acquire()

    def __exit__(self, *exc: object) -> None:
        for lock in reversed(self._locks):
            lock.release()


def _again(failed: "list[PairError]", part: "Part") -> "PairError":
    """The error of a pair's earlier records, for records of its that were not even sent."""
    before = next(e for e in failed if (e.asset, e.aspect) == (part.asset, part.aspect))
    return before._replace(
        records=part.body.records, first_ms=part.body.first_ms, last_ms=part.body.last_ms
    )
