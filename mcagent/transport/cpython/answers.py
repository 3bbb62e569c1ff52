"""Reading an answer: whole, bounded, decompressed."""

import zlib

from ...errors import TransportError
from ..http import MAX_ANSWER_BYTES, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

_READ_BYTES = 65_536
_GZIP_OR_ZLIB = 47  # zlib's windowBits: 15, plus 32 for "look at the header"


def read_answer(response: "BaseHTTPResponse", *, keep: bool) -> Response:
    """Read at most `MAX_ANSWER_BYTES` and give the connection back.

    What is beyond is dropped: the status still counts, and nobody waits for it.

    Args:
        response: As `urlopen` returned it, nothing read or decoded yet.
        keep: The connection is fit for another request (the whole request body was sent).
    """
    # By name, not by items: a header that came twice is one value, joined by ", ".
    headers = {name.lower(): response.headers[name] for name in response.headers}
    packed = headers.get("content-encoding", "").lower() in ("gzip", "x-gzip", "deflate")
    # urllib3 1.26 inflates without a bound; a small answer must not fill the memory of a device.
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB).decompress if packed else None
    parts = []
    room = MAX_ANSWER_BYTES
    try:
        while room:
            data = response.read(_READ_BYTES)
            if not data:
                break
            if inflate:
                data = inflate(data, room)
            parts.append(data[:room])
            room -= len(parts[-1])
    except zlib.error:
        response.close()
        raise TransportError(
            f"the answer ({response.status}) says that it is compressed, and is not", kind="other"
        ) from None
    if not room or not keep:
        response.close()
    response.release_conn()
    return Response(response.status, headers, b"".join(parts))
