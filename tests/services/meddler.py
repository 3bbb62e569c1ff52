"""Somebody else who does something just before or just after one of our requests."""

from mcagent.errors import TransportError
from mcagent.transport.http import Transport


class Meddler(Transport):
    """Hands requests on; `before` and `after` run once, at the first that fits.

    Args:
        inner: What sends.
        fits: ``"METHOD ending-of-path"``.
        before: Called before it is sent.
        lose: The answer is lost: the request arrived, and nobody hears of it.
    """

    def __init__(self, inner, fits, *, before=None, lose=False):
        self.inner = inner
        self.method, self.ending = fits.split()
        self.before = before
        self.lose = lose
        self.done = False

    def send(self, request):
        path = request.url.partition("?")[0]
        if self.done or request.method != self.method or not path.endswith(self.ending):
            return self.inner.send(request)
        self.done = True
        if self.before is not None:
            self.before()
        answer = self.inner.send(request)
        if self.lose:
            raise TransportError("the answer was lost", kind="closed")
        return answer

    def close(self):
        self.inner.close()


def meddle(session, fits, **what):
    """Put a Meddler before the transport of *session*; return it."""
    meddler = session._transport = Meddler(session._transport, fits, **what)
    return meddler
