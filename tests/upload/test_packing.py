# portable
from mcagent.messages.multipart import CLOSE_BYTES, ExchangeBody, event_item, timeseries_item
from mcagent.upload.packing import GROW_CEILING_AFTER, BodyLimit, Room


def samples(length, configuration_id="m1"):
    return timeseries_item(configuration_id, length, lambda: iter((b"x" * length,)))


def test_what_room_takes_is_exactly_what_the_body_holds():
    items = [event_item(b"{}", "2.0"), event_item(b'{"a":1}', "2.0"), samples(500)]
    exact = CLOSE_BYTES + sum(item.size for item in items)
    assert ExchangeBody(items).length == exact
    room = Room(exact, 1000)
    assert all(room.take(item.size) for item in items)
    assert room.free == 0
    room = Room(exact - 1, 1000)
    assert [room.take(item.size) for item in items] == [True, True, False]


def test_samples_that_fit_by_the_estimate_fit():
    """The item's own bytes are allowed for, whatever the configuration id."""
    for configuration_id in ("", "m1", "x" * 36, "\u20ac" * 36, "\x01" * 36):
        for most in (1_000, 20_000):
            room = Room(most, most)
            item = samples(room.samples, configuration_id)
            body = ExchangeBody([item])
            assert room.take(item.size, item.length)
            assert body.length <= most


def test_the_time_series_limit_counts_the_payload_with_its_brackets():
    room = Room(10_000_000, 1_000_000)
    assert room.samples == 999_998
    first = samples(999_998)
    assert first.length == 1_000_000
    assert room.take(first.size, first.length)
    assert not room.take(100, 1)


def test_the_first_item_is_always_taken():
    """What is too large alone is refused at the door, or is the platform's to refuse."""
    room = Room(1_000, 100)
    assert room.take(5_000, 4_000)
    assert not room.take(1)


def test_a_refused_size_is_remembered_and_tried_again_much_later():
    limit = BodyLimit(10_000)
    limit.too_large(8_000)
    assert limit.bytes == 4_000
    for _ in range(GROW_CEILING_AFTER - 1):
        limit.accepted()
        assert limit.bytes == 4_000
    limit.accepted()
    assert limit.bytes == 8_000


def test_a_size_that_was_too_slow_grows_with_each_success():
    limit = BodyLimit(10_000_000)
    limit.too_slow(10_000_000)
    limit.too_slow(5_000_000)
    assert limit.bytes == 2_500_000
    limit.accepted()
    assert limit.bytes == 5_000_000
    limit.accepted()
    limit.accepted()
    assert limit.bytes == 10_000_000


def test_the_limit_never_becomes_useless():
    limit = BodyLimit(10_000_000)
    for _ in range(50):
        limit.too_slow(limit.bytes)
    assert limit.bytes == 1_000
    limit.too_slow(9_000_000)  # one large file, alone
    assert limit.bytes == 1_000
