"""What became of a write: how much was taken, and what was not."""

import copy
from typing import NamedTuple

from ..errors import AgentError, InvalidMessage, RemoteError, TransportError
from ..messages.text import shorten
from .records import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from ..transport.http import Response
    from .packing import Part


class Written(NamedTuple):
    """What the platform took. It is queued there: `TimeSeries.wait_visible` waits for it.

    Attributes:
        records: Records taken.
        requests: Requests that took them.
        body_bytes: Their bodies.
        last_ms: Time of the latest record; None where there was none.
        empty_strings: Left out: the platform does not store them.
        replaced: Values given twice for one variable and time; the later one was sent.
    """

    records: int = 0
    requests: int = 0
    body_bytes: int = 0
    last_ms: "int | None" = None
    empty_strings: int = 0
    replaced: int = 0

    def plus(self, records: int, size: int, last_ms: int) -> "Written":
        """With one request more."""
        latest = last_ms if self.last_ms is None else max(last_ms, self.last_ms)
        return self._replace(
            records=self.records + records,
            requests=self.requests + 1,
            body_bytes=self.body_bytes + size,
            last_ms=latest,
        )


class PairError(NamedTuple):
    """Records of one asset and aspect that the platform did not take."""

    asset: str
    aspect: str
    status: int
    message: str
    records: int
    first_ms: int
    last_ms: int


class PartialWrite(RemoteError):
    """Something was written, and something was refused.

    Attributes:
        written: What was taken.
        errors: What was not, by asset and aspect.
    """

    def __init__(
        self,
        message: str,
        *,
        written: Written,
        errors: "tuple[PairError, ...]" = (),
        status: int,
        reason: str = "",
        correlation_id: str = "",
        hint: str = "",
        code: str = "",
    ) -> None:
        super().__init__(
            message,
            status=status,
            reason=reason,
            correlation_id=correlation_id,
            hint=hint,
            code=code,
        )
        self.written = written
        self.errors = errors


def pair_errors(response: "Response", parts: "list[Part]") -> "list[PairError]":
    """What a 202 says of single pairs; none where all was taken.

    Whatever stands in its body counts as an error (services API 1.5): where it cannot be read, or
    names no pair of the request, it is told of every pair.
    """
    if not response.body.strip():
        return []
    body = response.json()
    entries = body.get("errors") if isinstance(body, dict) else body
    if entries == [] or response.body.strip() in (b"{}", b"null"):
        return []
    found: "list[PairError]" = []
    for entry in entries if isinstance(entries, list) else ():
        part = _part_of(entry, parts)
        if part is None:
            found = []
            break
        status = entry.get("status")
        message = shorten_words(entry.get("message") or entry.get("error") or "")
        found.append(part_error(part, status if isinstance(status, int) else 0, message))
    return found or [part_error(part, 0, response.reason()) for part in parts]


def with_progress(
    error: AgentError, written: Written, failed: "Sequence[PairError]" = ()
) -> AgentError:
    """*error* again, saying what had been written and what had been refused before it."""
    if not written.records and not failed:
        return error
    last = "" if written.last_ms is None else f", up to {show(written.last_ms)}"
    message = f"{error.message}; before it {written.records} records were written{last}"
    if failed:
        message += f", and {_lost(failed)} were not taken: {_first(failed)}"
    if isinstance(error, RemoteError):
        return PartialWrite(
            message,
            written=written,
            errors=tuple(failed),
            status=error.status,
            reason=error.reason,
            correlation_id=error.correlation_id,
            hint=error.hint,
            code=error.code,
        )
    if isinstance(error, TransportError):
        return TransportError(message, kind=error.kind, hint=error.hint)
    if isinstance(error, InvalidMessage):
        return InvalidMessage(message, hint=error.hint)
    again = copy.copy(error)  # no token any more, say
    again.message, again.args = message, (message,)
    return again


def shorten_words(value: "Any") -> str:
    """Somebody else's words as one line of at most 200 characters."""
    text = value if isinstance(value, str) else shorten(value)
    return " ".join(text.split())[:200]


def partial_write(written: Written, errors: "list[PairError]") -> PartialWrite:
    """The error for pairs that were not taken."""
    first = errors[0]
    status = first.status or 202
    return PartialWrite(
        f"{_lost(errors)} records were not taken, {written.records} were: {_first(errors)}",
        written=written,
        errors=tuple(errors),
        status=status,
        reason=first.message,
        hint="`errors` names each asset and aspect with the times of its records",
    )


def _lost(errors: "Sequence[PairError]") -> int:
    return sum(error.records for error in errors)


def _first(errors: "Sequence[PairError]") -> str:
    first = errors[0]
    text = f"aspect {first.aspect!r} of asset {first.asset}: "
    text += f"{first.status or 'no status'} {first.message}"
    return text + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


def _part_of(entry: "Any", parts: "list[Part]") -> "Part | None":
    if not isinstance(entry, dict):
        return None
    for part in parts:
        same = str(entry.get("entityId", "")).lower() == part.asset.lower()
        if same and entry.get("propertySetName") == part.aspect:
            return part
    return None


def part_error(part: "Part", status: int, message: str) -> PairError:
    """The error for one pair of a request."""
    body = part.body
    return PairError(
        part.asset, part.aspect, status, message, body.records, body.first_ms, body.last_ms
    )
