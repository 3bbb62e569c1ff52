"""A data model in the buffer: where it stands among the samples, and its wire fragment."""

import struct

from ..errors import InvalidMessage

_HEAD = "<Q"
_HEAD_BYTES = 8


def join_model(position: int, fragment: bytes) -> bytes:
    """Payload of a MODEL record.

    Args:
        position: Sequence number that the time series lane gives next: samples below it were
            recorded before the model and are sent before it.
        fragment: `DataModel.fragment()`.
    """
    return struct.pack(_HEAD, position) + fragment


def split_model(payload: bytes) -> "tuple[int, bytes]":
    """``(position, fragment)`` of a MODEL record's payload.

    Raises:
        InvalidMessage: It is none.
    """
    if len(payload) < _HEAD_BYTES:
        raise InvalidMessage("%d bytes are no data model" % len(payload))
    return struct.unpack(_HEAD, payload[:_HEAD_BYTES])[0], payload[_HEAD_BYTES:]
