"""A slow link in simulated time, with the bounds that the transport sets for a request."""

import json
import random

from mcagent.errors import TransportError
from mcagent.transport.http import Response
from tests.upload.fakes import FakeSession

HEAD_BYTES = 2_000  # of a request: its lines, the access token
ROUND_TRIP_MS = 600


class SlowLink(FakeSession):
    """A session over a link; time goes on while a request is under way.

    Args:
        bytes_per_s: What it carries; to be changed at any time.
        lives_ms: A connection is cut when a request has been under way for so long; None for never.
        cuts_per_hour: Of the link itself, at random.

    Attributes:
        bodies: (bytes, ms, passed) of each exchange.
    """

    def __init__(self, platform, clock, *, bytes_per_s, lives_ms=None, cuts_per_hour=0.0, seed=1):
        super().__init__(platform, clock)
        self.bytes_per_s = bytes_per_s
        self.lives_ms = lives_ms
        self.cuts_per_ms = cuts_per_hour / 3_600_000
        self.bodies = []
        self.deadline_ms = None
        self._random = random.Random(seed)

    def send(self, request):
        length = request.body.length if request.body is not None else 0
        needs_ms = ROUND_TRIP_MS + (HEAD_BYTES + length) * 1000 // self.bytes_per_s
        bound_ms = 300_000 + length * 2  # as mcagent.transport.cpython: 500 bytes a second
        if self.deadline_ms is not None:
            bound_ms = min(bound_ms, max(1_000, self.deadline_ms - self._clock.ms))
        cut_ms = self._cut()
        took_ms = min(needs_ms, bound_ms, cut_ms)
        self._clock.sleep_ms(int(took_ms))
        passed = took_ms == needs_ms
        if request.body is not None:
            self.bodies.append((length, int(took_ms), passed))
        if passed:
            return self._answer(request)
        if took_ms == bound_ms:
            raise TransportError("the request took too long", kind="timeout")
        raise TransportError("the connection was closed", kind="closed")

    def _cut(self):
        cut_ms = self.lives_ms or 1 << 50
        if self.cuts_per_ms:
            cut_ms = min(cut_ms, self._random.expovariate(self.cuts_per_ms))
        return cut_ms

    def _answer(self, request):
        if request.method == "POST" and not self.platform.answers:
            # Megabytes are not parsed: the buffer asserts order when they are acknowledged.
            assert sum(map(len, request.body.chunks())) == request.body.length
            return Response(200)
        return self.platform.send(request)

    def used(self):
        """Share of the link's time that went into bodies that passed, since the first."""
        carried = sum(length for length, _ms, passed in self.bodies if passed)
        return carried / self.bytes_per_s * 1000 / sum(ms for _length, ms, _passed in self.bodies)

    def in_vain(self):
        return sum(not passed for _length, _ms, passed in self.bodies)


def file_details(size):
    return json.dumps(
        {"name": "big.bin", "type": "", "created_ms": 0, "size": size, "sha256": "", "spool": ""}
    ).encode()
