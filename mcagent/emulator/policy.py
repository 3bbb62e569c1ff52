"""What a browser may do with an answer of the page or the control interface.

The page runs and loads files of this hub and nothing else. Whatever else is opened in a browser
may run nothing, is not guessed to be of another type, and cannot be read or framed by other pages.
"""

from .gate import CONTROL, Application, Message, Receive, Scope, Send

PAGE = "/"
# blob: is for a picture that a device sent. Trusted types forbid the browser itself to make markup
# out of text.
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    b"require-trusted-types-for 'script'; trusted-types 'none'"
)
_CLOSED_POLICY = b"default-src 'none'; sandbox; frame-ancestors 'none'"
_FIELDS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Closed:
    """Add the header fields to what *application* answers for the page and `/_emulator/`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path != PAGE and not path.startswith(CONTROL):
            await self._application(scope, receive, send)
            return
        policy = _PAGE_POLICY if path == PAGE else _CLOSED_POLICY

        async def closed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(b"content-security-policy", policy), *_FIELDS]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        await self._application(scope, receive, closed)
