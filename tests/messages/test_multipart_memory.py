"""mcagent/messages/multipart.py: memory does not grow with the body."""

import tracemalloc

from mcagent.messages.multipart import ExchangeBody, file_item, timeseries_item

PIECE = b"x" * 65_536


def peak_of(body):
    """Most bytes allocated while *body* is streamed and thrown away."""
    tracemalloc.start()
    try:
        size = sum(map(len, body.chunks()))
        assert size == body.length
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_body_of_10_megabytes_is_streamed():
    """9.9 MB take no more memory than 100 kB: a few pieces of 64 KiB."""

    def body(pieces):
        details = {"name": "a", "type": "", "created_ms": 0}

        def chunks():
            for _ in range(pieces):
                yield PIECE[:-1] + b"y"  # made anew, as a reader of a file does

        return ExchangeBody([file_item(details, pieces * len(PIECE), chunks)])

    assert body(151).length > 9_890_000
    small, large = peak_of(body(2)), peak_of(body(151))
    assert large < 5 * len(PIECE)
    assert large - small < 4096


def test_a_body_of_many_samples_is_streamed():
    """Small pieces are gathered, never kept."""
    fragment = b'{"timestamp":"2026-01-05T08:00:00.000Z","values":[]},'

    def body(count):
        def chunks():
            for _ in range(count):
                yield fragment

        return ExchangeBody([timeseries_item("m", count * len(fragment), chunks)])

    small, large = peak_of(body(1000)), peak_of(body(180_000))
    assert body(180_000).length > 9_500_000
    assert large < 100_000
    assert large - small < 4096
