"""The version of a resource, as the platform's services tell it and want it back."""

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..transport.http import Response


class ETag(NamedTuple):
    """A version of one resource; `value` is its text without quotes and weakness mark.

    >>> ETag.read('W/"7"').header
    '7'
    """

    value: str

    @classmethod
    def read(cls, given: "Any") -> "ETag | None":
        """Take an etag as a header or a body's member has it; None where there is none."""
        if given is None or isinstance(given, bool) or not isinstance(given, (str, int)):
            return None
        text = str(given).strip()
        # Agent Management's bodies hold an integer, headers come quoted, weak or bare.
        value = text.removeprefix("W/").strip('"')
        return cls(value) if value else None

    @classmethod
    def of(cls, response: "Response") -> "ETag | None":
        """The etag of an answer: its header, else the member that the services put it into."""
        found = cls.read(response.header("etag") or None)
        if found is not None:
            return found
        body = response.json()
        if not isinstance(body, dict):
            return None
        return cls.read(body.get("etag")) or cls.read(body.get("eTag"))

    @property
    def header(self) -> str:
        """Value for ``If-Match``: bare, as all of Siemens' clients send it (services API 7.4)."""
        return self.value

    def __str__(self) -> str:
        return self.value
