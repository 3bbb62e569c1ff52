"""Files too large for an exchange: PUT to the IoT File service, in parts. CPython only.

Source: services API, IoT File 3.2. One request at a time, so that other lanes send in between.
Where an upload stands is kept in a small file; what the platform says of it comes first. Each part
was compared with the SHA-256 of the whole before its last byte left.
"""

import hashlib
from typing import Any
from urllib.parse import quote

from ..errors import InvalidMessage, TransportError
from ..limits import FILE_PART_MIN_BYTES, FILE_PARTS_MAX
from ..messages.timestamp import format_ms, parse_text
from ..transport.http import Body, Request, Response
from . import outcome
from .exchange import Answer
from .parcel import Parcel
from .uploadnote import UploadNote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator

    from ..buffer.spool import SpooledFile
    from .session import Session

_BASE = "/api/iotfile/v3"
_DONE = (200, 201, 204)
_STALE = (409, 412)
_GONE = (404, *_STALE)
# The agent may not list its files, or this form of the list is not offered: our own note counts.
_UNTOLD = (400, 403, 405, 501)
_PAGE, _PAGES = 500, 10  # 5 000 is the largest offset by the older text
_MAY_NOT = (
    "files of more than 10 MB go by the IoT File service: the agent has to have the right to "
    "write its files there (iot.fil.w, and iot.fil.r to replace one)"
)

_GO_ON = outcome.Row("", outcome.PART, 0, "")
_ARRIVED = outcome.Row("", outcome.ACK, 0, "")
_HELD = outcome.Row("", outcome.HOLD, 0, "")
_IN_TROUBLE = outcome.Row("", outcome.WAIT, outcome.SERVICE_CAP_MS, "")


class FileSender:
    """Sends parcels to the file service, one request a call.

    Args:
        session: The agent's; its token is good for files of its own asset.
        note: Where the upload stands, over a restart.
        part_bytes: Of all parts but the last; more where a thousand would not hold the file. None
            is the least that the platform takes: a cut costs little, the other lanes wait little.
    """

    def __init__(
        self, session: "Session", note: UploadNote, *, part_bytes: "int | None" = None
    ) -> None:
        self._session = session
        self._note = note
        self._part_bytes = part_bytes or FILE_PART_MIN_BYTES
        self._sequence = 0
        self._digests: "list[str]" = []  # of the parts of that file
        self._step: "Callable[[Parcel], Answer]" = self._start
        self._begun_again = 0  # the file that was, since one arrived or was held
        self._refusal: "Answer | None" = None  # of the request to complete it

    def send(self, parcel: Parcel) -> Answer:
        """Send the next request of *parcel*: outcome ``PART`` until the last, then ``ACK``.

        Raises:
            CredentialError: There is no access token to send it with.
            OSError: The note cannot be written.
        """
        parcel.length = 0
        if self._sequence != parcel.sequence:
            try:
                self._open(parcel)
            except OSError as error:
                message = f"the file cannot be read back: {error}"
                return Answer.of_error(TransportError(message, kind="body"))
        try:
            answer = self._step(parcel)
        except TransportError as error:
            answer = Answer.of_error(error)
        parcel.sent = min(self._note.parts * self._note.part_bytes, parcel.details["size"])
        return answer

    def _open(self, parcel: Parcel) -> None:
        """Read the whole file once: what was damaged on the disk never leaves it."""
        size = parcel.details["size"]
        part_bytes = max(self._part_bytes, -(-size // FILE_PARTS_MAX))
        known = self._note.load(parcel.sequence, parcel.details["sha256"])
        if known:
            part_bytes = self._note.part_bytes
        self._digests = digests(parcel.file, part_bytes)
        if not known:
            self._note.begin(parcel.sequence, parcel.details["sha256"], part_bytes)
        self._step = self._resume if known else self._start
        self._sequence = parcel.sequence

    # -- requests, each the step after which the next one is known --------------------------

    def _resume(self, parcel: Parcel) -> Answer:
        """Ask the platform which parts it has."""
        note = self._note
        response = self._call("GET", self._url("fileslist", parcel))
        if response.status == 404:
            if note.completing:
                return self._next(self._check)
            note.restart(note.etag)
            return self._next(self._start)
        if response.status not in (200, *_UNTOLD) or response.is_html():
            return self._no(response)
        if response.status == 200:
            note.parts = min(note.parts, _leading(response.json(), note.parts))
            note.completing = False
        return self._next(self._check if note.completing else self._go_on)

    def _start(self, parcel: Parcel) -> Answer:
        details, note = parcel.details, self._note
        headers = {"timestamp": format_ms(details["created_ms"])}
        if details["type"]:
            headers["type"] = details["type"]
        response = self._put(parcel, "?upload=start", headers=headers)
        if _is_done(response):
            note.restart(note.etag)
            note.save()
            return self._next(self._go_on)
        if response.status in _STALE and note.etag is None:
            return self._next(self._find)  # there is a file of that name: replace it
        if response.status in _STALE or (response.status == 404 and note.etag is not None):
            return self._begin_again(parcel, response)
        return self._no(response)

    def _find(self, parcel: Parcel) -> Answer:
        """Look up the file that is to be replaced: without its etag nobody may."""
        found, response = self._listed(parcel)
        if response is not None:
            return self._no(response)
        if found is None or not isinstance(found.get("etag"), int):
            self._step = self._start
            reason = f"the platform has a file {parcel.details['name']} and does not show it"
            return Answer(_HELD, status=409, reason=reason)
        self._note.etag = found["etag"]
        return self._next(self._start)

    def _go_on(self, parcel: Parcel) -> Answer:
        """Send the part that is missing, or the word that all are there."""
        note, size = self._note, parcel.details["size"]
        offset = note.parts * note.part_bytes
        if offset >= size:
            return self._complete(parcel)
        length = min(note.part_bytes, size - offset)
        parcel.length = length
        part = _Part(parcel.file, offset, length, self._digests[note.parts])
        response = self._put(parcel, f"?part={note.parts + 1}", part)
        if _is_done(response):
            note.parts += 1
            note.save()
            return self._next(self._go_on)
        if response.status in _GONE:
            return self._begin_again(parcel, response)
        return self._no(response)

    def _complete(self, parcel: Parcel) -> Answer:
        note = self._note
        note.completing = True
        note.save()
        self._refusal = None
        self._step = self._check  # whatever comes, or does not: it may have been carried out
        response = self._put(parcel, "?upload=complete")
        if _is_done(response):
            return self._arrived()
        answer = self._no(response)
        if response.status in (400, *_GONE):
            # The transport repeats a request whose connection was closed: this may be the second.
            self._refusal = answer
            return self._next(self._check)
        return answer

    def _check(self, parcel: Parcel) -> Answer:
        """Whether the file arrived by a request whose answer did not come."""
        found, response = self._listed(parcel)
        if response is not None and response.status not in (404, *_UNTOLD):
            return self._no(response)
        if found is not None and self._is_ours(found, parcel):
            return self._arrived()
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            return self._again(parcel, refusal)
        self._note.completing = False
        return self._next(self._resume)

    # -- what follows -----------------------------------------------------------------------

    def _next(self, step: "Callable[[Parcel], Answer]") -> Answer:
        self._step = step
        return Answer(_GO_ON, status=200)

    def _arrived(self) -> Answer:
        # The note stays: a kill before the record is acknowledged finds by it that all is done.
        self._sequence = self._begun_again = 0
        return Answer(_ARRIVED, status=200)

    def _begin_again(self, parcel: Parcel, response: Response) -> Answer:
        return self._again(parcel, self._no(response))

    def _again(self, parcel: Parcel, answer: Answer) -> Answer:
        """The platform knows nothing of the upload any more: once more from the start.

        What was forgotten, or replaced by somebody, is over then. Where it is not, *answer* says
        what it is, and the lane waits.
        """
        self._note.restart(None)
        self._note.save()
        self._step = self._start
        if self._begun_again != parcel.sequence:
            self._begun_again = parcel.sequence
            return Answer(_GO_ON, status=answer.status)
        self._begun_again = 0
        return answer

    def _no(self, response: Response) -> Answer:
        """The answer *response*, which is not what was hoped for."""
        row = outcome.of_response(response)
        if row.outcome == outcome.ACK:  # a 200 that says nothing useful
            row = _IN_TROUBLE
        elif row.outcome == outcome.RENEW:
            row = _HELD  # of this service alone: what is good for the exchange goes on
        answer = Answer.of_response(row, response, self._session)
        answer.reason = "the IoT File service: " + answer.reason
        if response.status in (401, 403, 404):
            answer.hint = _MAY_NOT
        return answer

    # -- HTTP -------------------------------------------------------------------------------

    def _put(
        self,
        parcel: Parcel,
        query: str,
        body: "Body | bytes" = b"",
        *,
        headers: "dict[str, str] | None" = None,
    ) -> Response:
        headers = {"Content-Type": "application/octet-stream", **(headers or {})}
        if self._note.etag is not None:
            headers["If-Match"] = str(self._note.etag)
        return self._call("PUT", self._url("files", parcel) + query, headers, body)

    def _call(
        self,
        method: str,
        url: str,
        headers: "dict[str, str] | None" = None,
        body: "Body | bytes | None" = None,
    ) -> Response:
        return self._session.send(Request(method, url, headers, body))

    def _url(self, kind: str, parcel: Parcel) -> str:
        session = self._session
        name = quote(parcel.details["name"], safe="")
        # The agent's asset has the agent's id (services API 4.1).
        return f"{session.base_url}{_BASE}/{kind}/{session.client_id}/{name}"

    def _listed(self, parcel: Parcel) -> "tuple[dict[str, Any] | None, Response | None]":
        """The file of this name as the platform shows it, or the answer that is no list."""
        name = parcel.details["name"]
        url = f"{self._session.base_url}{_BASE}/files/{self._session.client_id}?limit={_PAGE}"
        if not set(name) & set("'\"*") and " and " not in name:
            url += "&filter=" + quote(f"name eq '{name}'", safe="")
        for page in range(_PAGES):
            response = self._call("GET", f"{url}&offset={page * _PAGE}")
            rows = response.json() if response.status == 200 else None
            if not isinstance(rows, list):
                return None, response
            for row in rows:
                if isinstance(row, dict) and row.get("name") == name and not row.get("path"):
                    return row, None
            if len(rows) < _PAGE:
                break
        return None, None

    def _is_ours(self, found: "dict[str, Any]", parcel: Parcel) -> bool:
        """What is there came by this upload: as long, as old, and not what it replaced."""
        details = parcel.details
        try:
            created_ms = parse_text(str(found.get("timestamp")))
        except InvalidMessage:
            return False
        return (
            found.get("size") == details["size"]
            and created_ms == details["created_ms"]
            and found.get("etag") != self._note.etag
        )


class _Part(Body):
    def __init__(self, file: "SpooledFile", offset: int, length: int, sha256: str) -> None:
        self._file = file
        self._place = offset, length, sha256
        self.length = length

    def chunks(self) -> "Iterator[bytes]":
        return self._file.part(*self._place)


def digests(file: "SpooledFile", part_bytes: int) -> "list[str]":
    """SHA-256 of each part of a file, after a look at whether the whole is what was spooled.

    Raises:
        OSError: It is not, or cannot be read.
    """
    found: "list[str]" = []
    digest, left = hashlib.sha256(), part_bytes
    for data in file.chunks():
        rest = data
        while rest:
            taken, rest = rest[:left], rest[left:]
            digest.update(taken)
            left -= len(taken)
            if not left:
                found.append(digest.hexdigest())
                digest, left = hashlib.sha256(), part_bytes
    if left < part_bytes:
        found.append(digest.hexdigest())
    return found


def _is_done(response: Response) -> bool:
    return response.status in _DONE and not response.is_html()


def _leading(listed: Any, otherwise: int) -> int:
    """How many parts are there without a gap; *otherwise* where the list cannot be read.

    Its form is written down nowhere.
    """
    if not isinstance(listed, list):
        return otherwise
    numbers = {row.get("part") for row in listed if isinstance(row, dict)}
    if listed and not any(isinstance(number, int) for number in numbers):
        return otherwise
    count = 0
    while count + 1 in numbers:
        count += 1
    return count
