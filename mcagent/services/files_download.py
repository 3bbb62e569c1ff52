"""Download a file in ranges; what arrived before a cut is not fetched again."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import ConfigurationError, RemoteError
from ..transport.http import Response
from .etag import ETag
from .files_values import Progress
from .session import Session

RANGE_BYTES = 4 * 1_048_576  # below what the transport keeps of an answer
_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+)")
_UNSATISFIED = re.compile(r"bytes\s+\*/(\d+)")


@dataclass(frozen=True)
class Downloaded:
    """A file that is here now.

    Attributes:
        resumed_at: Bytes that an earlier run had fetched.
    """

    path: str
    size: int
    sha256: str
    resumed_at: int


class Download:
    """One file of an asset on its way to a local path.

    It grows in ``PATH.part``, with its version in ``PATH.part.json``, and gets its name when it is
    whole. A file that is replaced on the platform meanwhile begins anew.

    Args:
        session: Needs the scope ``iot.fil.r``.
        url: Encoded path of the file.
        to: Where it shall be.
        doing: For errors.
        on_progress: Told bytes so far and in all.
    """

    def __init__(
        self,
        session: Session,
        *,
        url: str,
        to: str,
        doing: str,
        on_progress: "Progress | None",
    ) -> None:
        self._session = session
        self._url = url
        self._to = to
        self._part = f"{to}.part"
        self._note = f"{to}.part.json"
        self._doing = doing
        self._on_progress = on_progress or (lambda _done, _all: None)

    def run(self) -> Downloaded:
        """Fetch what is missing.

        Raises:
            RemoteError: The platform refuses, or replaces the file faster than it can be read.
            ConfigurationError: The local file cannot be written.
            TransportError: The link is away; run again, it goes on.
        """
        try:
            for _ in range(3):
                done = self._once()
                if done is not None:
                    return done
        except OSError as error:
            raise ConfigurationError(
                f"cannot write {self._to}: {error.strerror}",
                hint="name a file in a directory with room that this user may write",
            ) from error
        finally:
            self._drop_empty()
        raise RemoteError(
            f"{self._doing}: the file was replaced again and again while it was read",
            status=200,
            hint="try again when nobody writes to it",
        )

    def _once(self) -> "Downloaded | None":
        """One attempt; None where the file was replaced on the platform meanwhile."""
        version, begin = self._left()
        with open(self._part, "r+b" if begin else "w+b") as file:
            os.chmod(self._part, 0o600)
            file.truncate(begin)
            at = begin
            while True:
                answer = self._fetch(at)
                etag = ETag.of(answer)
                given = "" if etag is None else str(etag)
                if answer.status == 416:
                    return self._finish(file, at, begin) if _size_of_416(answer) == at else None
                first, total = self._place(answer, at)
                if at and given != version:
                    self._forget()
                    return None
                if not at:
                    version = given
                    self._remember(version)
                file.seek(first)
                file.write(answer.body)
                at = first + len(answer.body)
                self._on_progress(at, total)
                if at >= total:
                    return self._finish(file, at, begin)
                if not answer.body:
                    raise RemoteError(f"{self._doing}: an empty range at {at}", status=206)

    def _fetch(self, at: int) -> Response:
        return self._session.call(
            "GET",
            self._url,
            headers={"Accept": "*/*", "Range": f"bytes={at}-{at + RANGE_BYTES - 1}"},
            scope="iot.fil.r",
            doing=self._doing,
            expect=(200, 206, 416),
        )

    def _place(self, answer: Response, at: int) -> "tuple[int, int]":
        """Where the bytes of an answer begin, and how many there are in all."""
        if answer.status == 206:
            match = _RANGE.fullmatch(answer.header("content-range").strip())
            if match is None or int(match[1]) != at or int(match[2]) + 1 - at != len(answer.body):
                raise RemoteError(
                    f"{self._doing}: asked for bytes from {at}, got "
                    f"{answer.header('content-range')[:60]!r} with {len(answer.body)} bytes",
                    status=206,
                    hint="a proxy may be answering with another part of the file",
                )
            return at, int(match[3])
        # Ranges are not offered: this is the whole file, as much as the transport keeps of it.
        length = answer.header("content-length")
        if length.isdigit() and int(length) > len(answer.body):
            raise RemoteError(
                f"{self._doing}: the server gives no ranges, and {length} bytes at once are more "
                "than this can take",
                status=200,
                hint="fetch it with a browser or curl",
            )
        return 0, len(answer.body)

    def _finish(self, file: BinaryIO, size: int, begin: int) -> Downloaded:
        file.truncate(size)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        digest = hashlib.sha256()
        while data := file.read(262_144):
            digest.update(data)
        os.replace(self._part, self._to)
        self._forget()
        self._on_progress(size, size)
        return Downloaded(self._to, size, digest.hexdigest(), begin)

    def _left(self) -> "tuple[str, int]":
        """Version and size of what an earlier run left; nothing where its version is unknown."""
        try:
            with open(self._note, encoding="utf-8") as file:
                note = json.load(file)
            if note["gateway"] == self._session.gateway and note["url"] == self._url:
                version = str(note["version"])
                return version, os.path.getsize(self._part) if version else 0
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return "", 0

    def _remember(self, version: str) -> None:
        note = {"gateway": self._session.gateway, "url": self._url, "version": version}
        with open(os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(note, file)

    def _drop_empty(self) -> None:
        """What the platform refused from the first byte on leaves nothing behind."""
        try:
            if os.path.getsize(self._part) == 0:
                self._forget()
        except OSError:
            pass

    def _forget(self) -> None:
        for path in (self._note, self._part):
            try:
                os.unlink(path)
            except OSError:
                pass


def _size_of_416(answer: Response) -> int:
    match = _UNSATISFIED.fullmatch(answer.header("content-range").strip())
    return int(match[1]) if match else -1
