"""Records of a segment, and what is missing between them: as an independent reader sees it."""

import os
import random

import pytest

from mcagent.inspection.summary import summarise
from mcagent.inspection.survey import Survey
from mcagent.inspection.walk import SegmentWalk
from tests.buffer import independent_reader
from tests.inspection import scene


def records(state, lane="timeseries", first=0):
    """(sequence, kind, payload, wall ms, configuration id), and all damage."""
    survey = Survey(state)
    view = survey.lanes[lane]
    found, damage = [], []
    for place in range(len(view.segments)):
        with SegmentWalk(survey, view, place) as walk:
            for record in walk.records(first):
                configuration_id = record.context.configuration_id
                found.append(
                    (
                        record.sequence,
                        record.kind,
                        record.payload,
                        record.wall_ms,
                        configuration_id,
                    )
                )
            damage += walk.damage
    return found, damage


def independent(state, lane="timeseries"):
    return independent_reader.read_lane(os.path.join(state, "buffer"), lane, everything=True)


def check_counts(state, lane="timeseries"):
    """`summarise`, which reads stretches, and `records` agree."""
    survey = Survey(state)
    found, damage = records(state, lane)
    summaries = list(summarise(survey, survey.lanes[lane], lambda _size: None))
    assert sum(summary.records for summary in summaries) == len(found)
    spans = [(part.start, part.stop, part.first, part.last) for part in damage]
    assert spans == [
        (part.start, part.stop, part.first, part.last)
        for summary in summaries
        for part in summary.damage
    ]
    with_records = [summary for summary in summaries if summary.records]
    assert with_records[0].oldest.sequence == found[0][0]
    assert with_records[-1].newest.sequence == found[-1][0]
    assert with_records[-1].newest.wall_ms == found[-1][3]
    return found, damage


@pytest.mark.parametrize("lane", ["models", "events", "timeseries", "files", "rejected"])
def test_every_lane_is_read_as_the_format_says(state, lane):
    """Delivered ones that are still on disk included."""
    found, damage = check_counts(state, lane)
    assert found == independent(state, lane)
    assert found
    assert damage == []


def test_reading_begins_where_it_is_asked_to(state):
    """The same records, without those before."""
    everything = records(state)[0]
    for first in (701, 1500, 2000):
        found = records(state, first=first)[0]
        assert found == [record for record in everything if record[0] >= first]
    assert records(state, first=2001)[0] == []


def test_a_record_longer_than_the_window(tmp_path):
    """It is read whole."""
    buffer = scene.open_buffer(tmp_path)
    payload = b'"' + b"x" * 90_000 + b'"'
    for number in range(1, 4):
        buffer.append("timeseries", 1, payload if number == 2 else b"%d" % number, durable=True)
    buffer.close()
    found, damage = check_counts(str(tmp_path))
    assert [record[2] for record in found] == [b"1", payload, b"3"]
    assert damage == []


def test_one_flipped_bit_costs_one_record_and_is_named(state):
    """Offset, bytes and number."""
    path = scene.segments(state)[-2]
    first = int(os.path.basename(path)[:16])
    offset = scene.record_at(path, 10)
    following = scene.record_at(path, 11)
    scene.flip(path, offset + 20)
    found, damage = check_counts(state)
    assert found == independent(state)
    (part,) = damage
    assert (part.start, part.stop, part.size) == (offset, following, following - offset)
    assert (part.first, part.last, part.missing) == (first + 10, first + 10, 1)


def test_random_damage_agrees_with_the_independent_reader(state, figure):
    """Zeros, noise and cuts anywhere: the same records, and every number accounted for."""
    chance = random.Random(7)
    tries = 0
    paths = scene.segments(state)
    originals = {path: scene.read(path) for path in paths}
    for _ in range(60):
        for path, data in originals.items():
            with open(path, "wb") as file:
                file.write(data)
        for _ in range(chance.randint(1, 3)):
            path = chance.choice(paths)
            offset = chance.randrange(0, os.path.getsize(path) or 1)
            size = chance.choice((1, 16, 600, 4096))
            size = min(size, os.path.getsize(path) - offset)
            if chance.random() < 0.2:
                os.truncate(path, offset)
            else:
                fill = chance.choice((b"\0", b"\xff", None))
                scene.overwrite(
                    path, offset, chance.randbytes(size) if fill is None else fill * size
                )
        found, damage = records(state)
        assert found == independent(state)
        tries += 1
        # What is neither read nor named as missing lies at the end of the last segment.
        read = {record[0] for record in found}
        named = {n for part in damage for n in range(part.first, part.last + 1)}
        assert not read & named
        start = int(os.path.basename(paths[0])[:16])
        last = int(os.path.basename(paths[-1])[:16])
        assert set(range(start, last)) <= read | named
    figure("random damage, read as by the independent reader", f"{tries} states")
