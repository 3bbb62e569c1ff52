"""mcagent/services/packing.py: bodies within their limits, one record for one time."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.errors import InvalidMessage
from mcagent.services.aspects import Variable
from mcagent.services.packing import Merging, batches, bodies, joined
from mcagent.services.recordencoder import RecordEncoder
from mcagent.services.records import Record
from tests.helpers import raises
from tests.services.plant import T0

TEXT = {"t": Variable("t", "BIG_STRING")}


def texts(sizes):
    return [Record(T0 + n, {"t": "x" * size}) for n, size in enumerate(sizes)]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(1, 500), max_size=60), st.integers(100, 2000))
def test_bodies_hold_everything_once_within_their_limit(sizes, most):
    """In order; larger than the limit only where one record alone is."""
    made = list(bodies(texts(sizes), RecordEncoder("a", TEXT), most))
    rows = [row for body in made for row in json.loads(body.data)]
    assert [len(row["t"]) for row in rows] == sizes
    for body in made:
        assert len(body.data) <= most or body.records == 1
        assert body.records == len(json.loads(body.data))


def test_a_body_of_exactly_1_mb_is_one_request_and_one_byte_more_is_two():
    """1 MB is 1 000 000 bytes, the safe reading."""
    one = len(RecordEncoder("a", TEXT).encode(texts([1])[0])) - 1
    size = (1_000_000 - 2 - 99) // 100 - one
    rest = 1_000_000 - 2 - 99 - 100 * (size + one)
    exact = texts([size] * 99 + [size + rest])
    (body,) = bodies(exact, RecordEncoder("a", TEXT))
    assert len(body.data) == 1_000_000
    over = texts([size] * 99 + [size + rest + 1])
    assert [body.records for body in bodies(over, RecordEncoder("a", TEXT))] == [99, 1]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(1, 30_000), max_size=40).map(tuple), min_size=1, max_size=14))
def test_requests_to_several_keep_all_three_limits(pairs):
    """5 pairs, 100 records, 100 000 bytes; everything once, in order, no pair twice in one."""
    given_ = [
        (("asset", f"a{n}"), texts(sizes), RecordEncoder("a", TEXT))
        for n, sizes in enumerate(pairs)
    ]
    got = {}
    for batch in batches(given_):
        names = [part.aspect for part in batch]
        assert 1 <= len(names) == len(set(names)) <= 5
        assert sum(part.body.records for part in batch) <= 100
        if len(batch) > 1:
            assert len(joined(batch)) <= 100_000
        for part in batch:
            got.setdefault(part.aspect, []).extend(json.loads(part.body.data))
    wanted = {f"a{n}": sizes for n, sizes in enumerate(pairs) if sizes}
    assert {name: tuple(len(row["t"]) for row in rows) for name, rows in got.items()} == wanted


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), max_size=20))
def test_a_list_is_merged_whatever_its_order(given_):
    """Every time once, in order, with every value."""
    records = list(Merging().records([(T0 + t, {name: 1}) for t, name in given_]))
    assert [r.timestamp_ms - T0 for r in records] == sorted({t for t, _name in given_})
    for record in records:
        assert set(record.values) == {n for t, n in given_ if T0 + t == record.timestamp_ms}


def test_an_iterator_is_not_held_and_may_not_go_back():
    """What was sent for a time cannot be added to any more."""
    merging = Merging()
    assert (
        len(list(merging.records(iter([(T0, {"a": 1}), (T0, {"b": 1}), (T0 + 1, {"a": 1})])))) == 2
    )
    given_ = iter([(T0 + 1, {"a": 1}), (T0, {"a": 1})])
    error = raises(InvalidMessage, list, Merging().records(given_))
    assert "2026-01-05T08:00:00.000Z" in error.message
    assert "sort" in error.hint
    pulled = []

    def endless():
        for n in range(10**9):
            pulled.append(n)
            yield T0 + n, {"t": "x" * 1000}

    next(bodies(Merging().records(endless()), RecordEncoder("a", TEXT), 50_000))
    assert len(pulled) < 60
