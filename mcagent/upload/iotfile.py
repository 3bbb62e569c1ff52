"""Files too large for an exchange: to the IoT File service, in parts. CPython only.

An upload is `start`, a request for each part, and `complete`, which makes the file visible. One
request a call, so that the other lanes send in between. Where an upload stands is kept in a small
file; what the platform says of it comes first. Whatever is lost of it (an answer, parts, all of
it, a part of what had arrived) costs a question, then another upload from its start, and then the
lane waits and says why: it is never acknowledged.
"""

from ..errors import InvalidMessage, TransportError
from ..limits import FILE_PART_MIN_BYTES, FILE_PARTS_MAX
from ..messages.timestamp import parse_text
from ..runtime import log
from . import outcome
from .exchange import Answer
from .fileparts import FilePart, digests
from .fileservice import FileService

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..transport.http import Response
    from .parcel import Parcel
    from .session import Session
    from .uploadnote import UploadNote

_DONE = (200, 201, 204)
_STALE = (409, 412)
# The agent may not list its files, or this form of the list is not offered: our own note counts.
_UNTOLD = (400, 403, 405, 501)
_TOO_LONG_NAME = 414  # what stands between allows addresses of some thousand bytes
# For a file that is not there, or is short, when all its parts were taken: two minutes and more,
# with the waits of the lane. Joining them may take the platform longer than a request.
_LOOKS = 8

_SERVICE = "the IoT File service: "
_MAY_NOT = (
    "files of more than 10 MB go by the IoT File service: the agent has to have the right to "
    "write its files there (iot.fil.w, and iot.fil.r to replace one)"
)
_HINTS = {
    401: _MAY_NOT,
    403: _MAY_NOT,
    404: "it knows no asset with the agent's id: is the agent still there? If it is, " + _MAY_NOT,
    _TOO_LONG_NAME: "submit it under a shorter name",
}

_GO_ON = outcome.Row("", outcome.PART, 0, "")
_ARRIVED = outcome.Row("", outcome.ACK, 0, "")
_HELD = outcome.Row("", outcome.HOLD, 0, "")
_REFUSED = outcome.Row("", outcome.SEARCH, 0, "the name is too long")
_LATER = outcome.Row("", outcome.WAIT, outcome.SERVICE_CAP_MS, "")


class FileSender:
    """Sends parcels to the file service, one request a call.

    Args:
        session: The agent's; its token is good for files of its own asset.
        note: Where the upload stands, over a restart.
        part_bytes: Of all parts but the last; more where a thousand would not hold the file. None
            is the least that the platform takes: a cut costs little, the other lanes wait little.
    """

    def __init__(
        self, session: "Session", note: "UploadNote", *, part_bytes: "int | None" = None
    ) -> None:
        self._session = session
        self._service = FileService(session)
        self._note = note
        self._part_bytes = part_bytes or FILE_PART_MIN_BYTES
        self._disk = ""  # why the note could not be written
        # Of the file that is on its way:
        self._sequence = 0
        self._digests: "list[str]" = []  # of its parts
        self._step: "Callable[[Parcel], Answer]" = self._start
        self._doubts = 0  # 1: the platform was asked what it has; 2: begun again
        self._looks = 0  # for what should be visible, behind the last request
        self._cleared = False  # what an upload had left was dropped
        self._refusal: "Answer | None" = None  # of the request to complete it

    def send(self, parcel: "Parcel") -> Answer:
        """Send the next request of *parcel*: outcome ``PART`` until the last, then ``ACK``.

        Raises:
            CredentialError: There is no access token to send it with.
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

    def _open(self, parcel: "Parcel") -> None:
        """Read the whole file once: what was damaged on the disk never leaves it."""
        note, size, sha256 = self._note, parcel.details["size"], parcel.details["sha256"]
        part_bytes = max(self._part_bytes, -(-size // FILE_PARTS_MAX))
        known = note.load(parcel.sequence, sha256)
        if known:
            part_bytes = note.part_bytes
        self._digests = digests(parcel.file, part_bytes)
        if not known:
            note.begin(parcel.sequence, sha256, part_bytes)
        self._step = self._start
        if known:
            self._step = self._look if note.completing else self._ask
        self._doubts = self._looks = 0
        self._cleared = False
        self._refusal = None
        self._sequence = parcel.sequence

    # -- steps, each a request after which the next one is known -----------------------------

    def _start(self, parcel: "Parcel") -> Answer:
        note = self._note
        response = self._service.start(parcel.details, note.etag)
        if _is_done(response):
            note.restart(note.etag)
            self._save()
            return self._next(self._go_on)
        if response.status in _STALE and note.etag is None:
            return self._next(self._find)  # there is a file of that name: replace it
        if response.status in _STALE or (response.status == 404 and note.etag is not None):
            return self._doubt(self._no(response), begin=True)
        return self._no(response)

    def _find(self, parcel: "Parcel") -> Answer:
        """Look up the file that is to be replaced: without its etag nobody may."""
        name = parcel.details["name"]
        found, response = self._service.find(name)
        if response is not None:
            return self._no(response)
        if found is not None and isinstance(found.get("etag"), int):
            self._note.etag = found["etag"]
            return self._next(self._start)
        if found is None and not self._cleared:
            return self._next(self._clear)  # or is it an upload that nobody completed?
        self._cleared = False
        self._step = self._start
        reason = f"{_SERVICE}it has a file {name} already and does not show it"
        hint = "delete or rename it there, or submit this one under another name"
        return Answer(_HELD, status=409, reason=reason, hint=hint)

    def _clear(self, parcel: "Parcel") -> Answer:
        """Drop what is left of an upload; that there is none is as good."""
        self._service.abort(parcel.details["name"])
        self._cleared = True
        return self._next(self._start)

    def _ask(self, parcel: "Parcel") -> Answer:
        """Ask the platform which parts it has."""
        note = self._note
        response = self._service.parts(parcel.details["name"])
        if response.status == 404 and not response.is_html():
            if note.completing and self._looks < _LOOKS:
                self._looks += 1
                self._step = self._look
                reason = f"{_SERVICE}it does not show {parcel.details['name']} yet"
                return Answer(_LATER, status=404, reason=reason)
            note.restart(None if note.completing else note.etag)
            return self._next(self._start)
        if response.status not in (200, *_UNTOLD) or response.is_html():
            return self._no(response)
        if response.status == 200:
            note.parts = min(note.parts, _leading(response.json(), note.parts))
        note.completing = False
        return self._next(self._go_on)

    def _go_on(self, parcel: "Parcel") -> Answer:
        """Send the part that is missing, or the word that all are there."""
        note, size = self._note, parcel.details["size"]
        offset = note.parts * note.part_bytes
        if offset >= size:
            return self._complete(parcel)
        parcel.length = min(note.part_bytes, size - offset)
        part = FilePart(parcel.file, offset, parcel.length, self._digests[note.parts])
        response = self._service.put_part(parcel.details["name"], note.etag, note.parts + 1, part)
        if _is_done(response):
            note.parts += 1
            self._save()
            return self._next(self._go_on)
        if response.status in (404, *_STALE):
            return self._doubt(self._no(response), begin=response.status in _STALE)
        return self._no(response)

    def _complete(self, parcel: "Parcel") -> Answer:
        note = self._note
        note.completing = True
        self._save()
        self._refusal = None
        self._step = self._look  # whatever comes, or does not: it may have been carried out
        response = self._service.complete(parcel.details["name"], note.etag)
        if _is_done(response):
            self._step = self._compare
            return self._compare(parcel)
        answer = self._no(response)
        if response.status in (400, 404, *_STALE):
            # The transport repeats a request whose connection was closed: this may be the second.
            self._refusal = answer
            return self._next(self._look)
        return answer

    def _compare(self, parcel: "Parcel") -> Answer:
        """Whether the platform has what it said yes to: all of it, and joined."""
        note, size = self._note, parcel.details["size"]
        found, no_list = self._service.find(parcel.details["name"])
        joined = True
        if no_list is not None:
            trouble = self._no(no_list)
            if trouble.row.outcome != outcome.WAIT or self._looks >= _LOOKS:
                return self._arrived()  # it does not tell: its yes counts
            reason = trouble.reason
        elif found is None or found.get("etag") == note.etag:  # not shown, or as it was before
            parts = self._service.parts(parcel.details["name"])
            if parts.status != 200 or not parts.json():
                return self._arrived()  # it has no parts any more: it joined them
            joined = False
            reason = f"{_SERVICE}it said yes to all of the file and has its parts still"
        elif found.get("size") in (size, None):
            return self._arrived()
        else:
            there = found["size"]
            reason = f"{_SERVICE}it took all {size} bytes of {found['name']} and has {there}"
        if self._looks < _LOOKS:  # does it join them just now?
            self._looks += 1
            return Answer(_LATER, status=200, reason=reason)
        note.completing = False
        hint = "look at it there; the file is kept here, and is sent again"
        return self._doubt(Answer(_HELD, status=200, reason=reason, hint=hint), begin=joined)

    def _look(self, parcel: "Parcel") -> Answer:
        """Whether the file arrived by a request whose answer did not come."""
        found, response = self._service.find(parcel.details["name"])
        if response is not None and response.status not in (404, *_UNTOLD):
            return self._no(response)
        if found is not None and self._is_ours(found, parcel):
            return self._arrived()
        if self._refusal is not None:
            self._note.completing = False
            return self._doubt(self._refusal, begin=False)
        return self._ask(parcel)

    # -- what follows -----------------------------------------------------------------------

    def _next(self, step: "Callable[[Parcel], Answer]") -> Answer:
        self._step = step
        return Answer(_GO_ON, status=200)

    def _arrived(self) -> Answer:
        # The note stays: a kill before the record is acknowledged finds by it that all is done.
        self._sequence = 0
        return Answer(_ARRIVED, status=200)

    def _doubt(self, answer: Answer, *, begin: bool) -> Answer:
        """The platform does not have what it should: ask what it has, then begin again.

        Where neither helps, *answer* says what it is, and the lane waits. *begin*: asking is no
        use, because the file that is to be replaced changed, or there is nothing to ask for.
        """
        self._doubts += 1
        if begin and self._doubts == 1:
            self._doubts = 2
        if self._doubts == 2:
            self._looks = 0
            self._note.restart(None)
            self._save()
            return self._next(self._start)
        if self._doubts == 1:
            return self._next(self._ask)
        self._doubts = 0
        self._step = self._ask
        return answer

    def _no(self, response: "Response") -> Answer:
        """The answer *response*, which is not what was hoped for."""
        row = outcome.of_response(response)
        if response.status == _TOO_LONG_NAME:
            row = _REFUSED
        elif row.outcome == outcome.ACK:  # a 200 that says nothing useful
            row = _LATER
        elif row.outcome == outcome.RENEW or response.status in (403, 404):
            row = _HELD  # of this service alone: what is good for the exchange goes on
        answer = Answer.of_response(row, response, self._session)
        answer.reason = _SERVICE + answer.reason
        if not response.is_html():  # else it is none of the platform's
            answer.hint = _HINTS.get(response.status, "")
        return answer

    def _save(self) -> None:
        """Without the note a restart costs parts, no more; and sending is what empties a disk."""
        try:
            self._note.save()
            self._disk = ""
        except OSError as error:
            if str(error) != self._disk:
                words = "a restart sends the file from its start: its progress cannot be kept: "
                log("warning", "upload", words + str(error))
            self._disk = str(error)

    def _is_ours(self, found: "dict[str, Any]", parcel: "Parcel") -> bool:
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


def _is_done(response: "Response") -> bool:
    return response.status in _DONE and not response.is_html()


def _leading(listed: "Any", otherwise: int) -> int:
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
