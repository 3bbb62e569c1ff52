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


def link(limit, bytes_per_s, rounds=1, *, overhead_ms=0, left_ms=None):
    """Bodies as large as they may be, over a link; the sizes."""
    sizes = []
    for _ in range(rounds):
        size = limit.within(left_ms)
        limit.accepted(size, overhead_ms + size * 1000 // bytes_per_s)
        sizes.append(size)
    return sizes


def test_a_refused_size_is_remembered_and_tried_again_much_later():
    limit = BodyLimit(10_000)
    limit.too_large(8_000)
    assert limit.bytes == 4_000
    for _ in range(GROW_CEILING_AFTER - 1):
        limit.accepted(4_000, 10)
        assert limit.bytes == 4_000
    limit.accepted(4_000, 10)
    assert limit.bytes == 8_000


def test_the_first_body_passes_on_the_slowest_link_and_the_next_ones_grow():
    sizes = link(BodyLimit(10_000_000), 1_000_000, 6)
    assert sizes == [58_500, 238_500, 958_500, 3_838_500, 10_000_000, 10_000_000]


def test_a_body_goes_out_in_two_minutes_overhead_included():
    for bytes_per_s in (100, 625, 8_000, 50_000):
        limit = BodyLimit(10_000_000)
        link(limit, bytes_per_s, 8, overhead_ms=3_000)
        seconds = 3 + limit.bytes / bytes_per_s
        assert 100 < seconds <= 125, bytes_per_s


def test_a_caller_in_a_hurry_gets_a_smaller_body():
    """30 s of a link of 5 kbit/s that nothing is known about yet, and once it is known."""
    limit = BodyLimit(10_000_000)
    assert limit.within(30_000) == 10_500
    link(limit, 625, 5)
    assert 13_500 < limit.within(30_000) < 15_000
    assert limit.within(-5) == limit.within(0) == 1_000


def test_what_died_by_time_halves_and_grows_with_each_success():
    limit = BodyLimit(10_000_000)
    link(limit, 1_000_000, 6)
    sizes = []
    for _ in range(4):
        sizes.append(limit.within(None))
        limit.too_slow(sizes[-1], 60_000)
    for place in (1, 2, 3):
        assert 0.49 * sizes[place - 1] < sizes[place] <= 0.5 * sizes[place - 1]
    sizes = link(limit, 1_000_000, 4)
    for place in (1, 2, 3):
        assert sizes[place] == 10_000_000 or 3.9 < sizes[place] / sizes[place - 1] < 4.1
    assert sizes[-1] == 10_000_000


def test_what_died_in_a_hurry_halves_for_the_same_hurry():
    limit = BodyLimit(10_000_000)
    size = limit.within(30_000)
    limit.too_slow(size, 30_000)
    assert size / 4 < limit.within(30_000) <= size / 2


def test_a_trickle_of_small_bodies_tells_nothing_bad_of_the_link():
    """200 bytes that took 900 ms: the round trip, not the link."""
    limit = BodyLimit(10_000_000)
    link(limit, 1_000_000, 6)
    for _ in range(100):
        limit.accepted(200, 900)
    assert limit.bytes == 10_000_000


def test_a_link_that_became_slow_is_noticed_by_what_passed():
    limit = BodyLimit(10_000_000)
    link(limit, 1_000_000, 6)
    limit.accepted(1_000_000, 400_000)
    assert 295_000 < limit.bytes < 300_000


def test_the_speed_is_known_when_a_body_was_large_enough_to_tell():
    limit = BodyLimit(10_000_000)
    limit.accepted(200, 900)
    limit.too_slow(60_000, 60_000)  # an outage, perhaps
    assert limit.measured_bytes_per_s == 0
    limit.accepted(15_000, 30_000)
    assert limit.measured_bytes_per_s == 550
    assert not limit.hopeless(9_000_000, None)
    assert limit.hopeless(9_000_000, 3_600_000)
    limit.too_slow(9_000_000, 18_300_000)
    assert limit.hopeless(9_000_000, None)


def test_the_limit_never_becomes_useless():
    limit = BodyLimit(10_000_000)
    for _ in range(50):
        limit.too_slow(limit.within(None), 300_000)
    assert limit.bytes == 1_000
    limit.too_slow(9_000_000, 20_000_000)  # one large file, alone
    assert limit.bytes == 1_000
    link(limit, 1_000_000, 10)
    assert limit.bytes == 10_000_000
