"""Upload a file of any size in parts; what arrived before a cut is not sent again.

Source: services API 3.2. Parts go one after the other, each with its SHA-256 noted on disk when
the platform has it. Before the file becomes visible the local one is read once more: it has to be
what was sent.
"""

import hashlib
from dataclasses import dataclass
from typing import Callable

from ..errors import ConfigurationError, RemoteError, TransportError
from ..limits import FILE_PART_MIN_BYTES, FILE_PARTS_MAX
from ..transport.http import Response
from .files_source import FileChanged, Part, Snapshot, Source
from .files_state import UploadState
from .files_values import FileMeta, Progress, StoredFile
from .session import Session

LEAST_PART_BYTES = FILE_PART_MIN_BYTES
PART_BYTES = 8 * 1_048_576  # as Siemens' Node client sends
PARTS_MAX = FILE_PARTS_MAX
# The platform forgets uploads after two days; one that is about to be forgotten begins anew.
_LIFE_MS = 46 * 3_600_000
_STALE = (409, 412)
# With its repetitions. The platform itself ends a transfer of more than a minute with 502.
_PART_TIMEOUT_S = 600.0
_BINARY = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Uploaded:
    """A file that arrived.

    Attributes:
        sha256: Of the bytes that were sent and are in the local file still.
        parts_sent: Requests that carried bytes in this run.
        parts_kept: Parts that an earlier run had sent.
    """

    file: StoredFile
    sha256: str
    parts_sent: int
    parts_kept: int


def part_size(size: int, wanted: int = PART_BYTES) -> int:
    """Bytes of a part: *wanted*, or more where a thousand parts would not hold the file.

    Raises:
        ConfigurationError: *wanted* is less than the platform takes.
    """
    if wanted < LEAST_PART_BYTES:
        raise ConfigurationError(
            f"parts of {wanted} bytes are too small", hint=f"{LEAST_PART_BYTES} or more"
        )
    return max(wanted, -(-size // PARTS_MAX))


class Upload:
    """One file on its way to one place; `run` may be called again after an error.

    Args:
        session: Needs the scopes ``iot.fil.w`` and ``iot.fil.r``.
        url: Encoded path of the target.
        parts_url: Encoded path of the list of its parts.
        find: Gives the target as it is on the platform now.
        source: The local file.
        state: Where parts that arrived are noted.
        meta: Kept beside the bytes.
        part_bytes: Size of a part.
        on_progress: Told bytes so far and in all.
    """

    def __init__(
        self,
        session: Session,
        *,
        url: str,
        parts_url: str,
        find: "Callable[[], StoredFile | None]",
        source: Source,
        state: UploadState,
        meta: FileMeta,
        part_bytes: int,
        on_progress: "Progress | None",
    ) -> None:
        self._session = session
        self._url = url
        self._parts_url = parts_url
        self._find = find
        self._source = source
        self._state = state
        self._headers = meta.headers()
        self._part_bytes = part_bytes
        self._on_progress = on_progress or (lambda _done, _all: None)
        self._doing = f"uploading {source.path}"
        self._sent = 0
        self._kept = 0

    def run(self, before: "StoredFile | None") -> Uploaded:
        """Send what is missing and make the file visible.

        Args:
            before: The file that is replaced; None for a new one.

        Raises:
            FileChanged: The local file changed; nothing of it is visible.
            RemoteError: The platform refuses, or somebody else stored another file there.
            TransportError: The link is away; run again, it goes on.
        """
        if self._source.size <= self._part_bytes:
            sha256 = self._whole(before)
        else:
            sha256 = self._in_parts(before)
        self._state.forget()
        there = self._find()
        if there is None or there.size != self._source.size:
            raise RemoteError(
                f"{self._doing}: the platform took it and has "
                + ("no such file" if there is None else f"{there.size} bytes of it"),
                status=200,
                hint="look at it with mcagent files ls, then upload it again",
            )
        return Uploaded(there, sha256, self._sent, self._kept)

    def finished_before(self, there: "StoredFile | None") -> "Uploaded | None":
        """What an earlier run did, where it was cut after its last request; else None."""
        state, size = self._state, self._source.size
        if there is None or size <= self._part_bytes or there.size != size:
            return None
        if not state.load(self._source.identity, self._part_bytes):
            return None
        whole = len(state.parts) == -(-size // self._part_bytes)
        if not whole or state.condition == there.etag or self._parts_there() is not None:
            return None
        sha256 = self._verified()
        kept = len(state.parts)
        state.forget()
        return Uploaded(there, sha256, 0, kept)

    # -- in one request ---------------------------------------------------------------------

    def _whole(self, before: "StoredFile | None") -> str:
        # Read whole and looked at again before it is sent: what arrives is one state of the file.
        snapshot = self._source.snapshot()
        condition = _condition(None if before is None else before.etag)
        try:
            self._put({}, snapshot, {**self._headers, **condition})
        except RemoteError as error:
            # Our own, whose answer was lost and which was repeated? Its bytes tell.
            there = self._find() if error.status in _STALE else None
            if there is None or not self._is_ours(there, snapshot):
                raise
        self._sent = 1
        self._on_progress(snapshot.length, snapshot.length)
        return snapshot.sha256

    def _is_ours(self, there: StoredFile, snapshot: Snapshot) -> bool:
        if there.size != snapshot.length:
            return False
        answer = self._session.call(
            "GET", self._url, headers={"Accept": "*/*"}, scope="iot.fil.r", doing=self._doing
        )
        return hashlib.sha256(answer.body).hexdigest() == snapshot.sha256

    # -- in parts ---------------------------------------------------------------------------

    def _in_parts(self, before: "StoredFile | None") -> str:
        etag = None if before is None else before.etag
        if not self._resumes(etag):
            self._start(etag)
        for again in (False, True):
            try:
                self._send_missing()
                sha256 = self._verified()
                self._complete(before)
            except RemoteError as error:
                if error.status == 404 and not again:
                    self._start(etag)  # the platform forgot the upload (after two days)
                    continue
                raise
            return sha256
        raise AssertionError("unreachable")

    def _resumes(self, etag: "int | None") -> bool:
        """Whether an earlier run left something that the platform has still."""
        state = self._state
        if not state.load(self._source.identity, self._part_bytes):
            return False
        age_ms = self._session.now_ms() - state.started_ms
        # Below 0: a clock stepped back, which says nothing; the platform's list does.
        if state.condition != etag or age_ms >= _LIFE_MS:
            return False
        there = self._parts_there()
        if there is None:
            return False
        state.parts = {number: sha for number, sha in state.parts.items() if number in there}
        self._kept = len(state.parts)
        return True

    def _parts_there(self) -> "set[int] | None":
        """Numbers of the parts that the platform has; None where it knows of no upload.

        The form of this list is written down nowhere: one that cannot be read says nothing
        against what we noted ourselves.
        """
        answer = self._session.call(
            "GET",
            self._parts_url,
            scope="iot.fil.r",
            doing=self._doing,
            expect=(200, 400, 404, 405, 501),
        )
        if answer.status == 404:
            return None
        listed = answer.json() if answer.status == 200 else None
        numbers = {
            entry.get("part")
            for entry in (listed if isinstance(listed, list) else [])
            if isinstance(entry, dict)
        }
        found = {number for number in numbers if isinstance(number, int)}
        return found if found or listed == [] else set(self._state.parts)

    def _start(self, etag: "int | None") -> None:
        state = self._state
        state.forget()
        self._kept = 0
        self._put({"upload": "start"}, None, {**self._headers, **_condition(etag)})
        state.condition = etag
        state.part_bytes = self._part_bytes
        state.started_ms = self._session.now_ms()
        state.save(self._source.identity)

    def _send_missing(self) -> None:
        state, size = self._state, self._source.size
        count = -(-size // self._part_bytes)
        for number in range(1, count + 1):
            offset = (number - 1) * self._part_bytes
            length = min(self._part_bytes, size - offset)
            if number in state.parts:
                self._on_progress(offset + length, size)
                continue
            self._check_source()
            part = self._part(offset, length)
            self._put({"part": number}, part, _condition(state.condition))
            self._sent += 1
            state.parts[number] = part.sha256
            state.save(self._source.identity)

    def _verified(self) -> str:
        """The file's SHA-256, after a look at whether its parts are what was sent."""
        self._check_source()
        sha256, parts = self._source.digests(self._part_bytes)
        if parts != [digest for _, digest in sorted(self._state.parts.items())]:
            self._abort()
            raise self._source.changed("its content")
        return sha256

    def _complete(self, before: "StoredFile | None") -> None:
        condition = _condition(self._state.condition)
        try:
            self._put({"upload": "complete"}, None, condition)
        except RemoteError as error:
            there = self._find() if error.status in (404, *_STALE) else None
            # The first of two requests was carried out, and its answer was lost?
            newer = there is not None and (before is None or there.etag != before.etag)
            if error.status in _STALE and not (newer and self._forgotten()):
                self._abort()
                raise
            if not newer or there is None or there.size != self._source.size:
                raise

    def _forgotten(self) -> bool:
        return self._parts_there() is None

    def _abort(self) -> None:
        """Drop what is on the platform; that it has nothing of it any more is as good."""
        self._state.forget()
        try:
            self._put({"upload": "abort"}, None, {}, also=(404,))
        except (RemoteError, TransportError):
            pass  # it forgets by itself after two days; the first error is the one to tell

    def _check_source(self) -> None:
        try:
            self._source.check()
        except FileChanged:
            self._abort()
            raise

    def _part(self, offset: int, length: int) -> Part:
        size = self._source.size
        return self._source.part(
            offset, length, lambda sent: self._on_progress(offset + sent, size)
        )

    def _put(
        self,
        query: "dict[str, str | int]",
        body: "Part | Snapshot | None",
        headers: "dict[str, str]",
        *,
        also: "tuple[int, ...]" = (),
    ) -> Response:
        try:
            return self._session.call(
                "PUT",
                self._url,
                query=query,
                body=b"" if body is None else body,
                headers={**_BINARY, **headers},
                scope="iot.fil.w",
                doing=self._doing,
                expect=(200, 201, 204, *also),
                timeout_s=max(self._session.timeout_s, _PART_TIMEOUT_S),
            )
        except TransportError as error:
            if error.kind != "body":
                raise
            self._abort()
            raise self._source.changed("it is shorter now") from error


def _condition(etag: "int | None") -> "dict[str, str]":
    return {} if etag is None else {"If-Match": str(etag)}
