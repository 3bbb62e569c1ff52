"""The records that every contestant stores: 200 bytes of JSON, the same ones in every run."""

import json
from binascii import crc32

BYTES = 200
_TEMPLATE = (
    '{"timestamp":"2026-01-05T%02d:%02d:%02d.%03dZ","values":['
    '{"dataPointId":"temperature","qualityCode":"0","value":"%d.%013d"},'
    '{"dataPointId":"strokes","qualityCode":"0","value":"%019d"}]}'
)


def make(first, count):
    """Records *first* to *first* + *count*: no two are equal, so that nothing can be guessed."""
    return [_one(number) for number in range(first, first + count)]


def body_bytes(records, batches):
    """What *batches* bodies of *records* records have in all: a comma between each two."""
    return records * BYTES + records - batches


def body_crc(first, count, crc=0):
    """CRC of a body as every drain has to make it."""
    return crc32(b",".join(make(first, count)), crc)


def _one(number):
    seconds, milliseconds = divmod(number, 1000)
    noise = number * 6364136223846793005 + 1442695040888963407 & 0x7FFFFFFFFFFFFFFF
    text = _TEMPLATE % (
        seconds // 3600 % 24,
        seconds // 60 % 60,
        seconds % 60,
        milliseconds,
        10 + number % 90,
        noise % 10**13,
        noise,
    )
    return text.encode()


assert len(_one(0)) == len(_one(10**9)) == BYTES, len(_one(0))
assert json.loads(_one(7))["values"][1]["dataPointId"] == "strokes"
