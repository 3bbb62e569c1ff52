"""A device's day with fifteen faults: memory, descriptors and threads stay flat, nothing is lost.

`tox -e soak` runs the day in three minutes; the suite an hour of it.
"""

import json
import os
import subprocess
import sys
import time

import pytest

from tests import reliability
from tests.soak.day import DAY
from tests.soak.picture import picture
from tests.source_tree import ROOT

LONG = os.environ.get("MCAGENT_SOAK") == "long"
PICTURE = os.path.join(ROOT, "docs", "soak.svg")
STRIPS = [
    ("resident_kib", "RSS, MiB", "%.1f", 1 / 1024),
    ("descriptors", "descriptors", "%d", 1),
    ("threads", "threads", "%d", 1),
    ("buffered", "records buffered", "%d", 1),
]
GROWTH_KIB = 2048  # more than the first quarter's most: the allocator's noise, code loaded late
HEAD = ("", "most in the first quarter", "most afterwards", "at the end")


def soak(folder, hours, planted=""):
    command = [sys.executable, "-m", "tests.soak.day", str(folder), str(hours), planted]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def growth(looks):
    """(most of the first quarter, most afterwards, last) of each figure.

    In the first quarter most kinds of faults come for the first time, and code is loaded for them.
    """
    begin = max(1, len(looks) // 4)
    found = {}
    for key in ("resident_kib", "descriptors", "threads"):
        values = [look[key] for look in looks]
        found[key] = max(values[:begin]), max(values[begin:]), values[-1]
    return found


def objections(looks):
    """What is not flat."""
    allowed = {"resident_kib": GROWTH_KIB, "descriptors": 2, "threads": 0}
    return [
        f"{key}: {first} at first, {most} afterwards"
        for key, (first, most, _last) in growth(looks).items()
        if most - first > allowed[key]
    ]


@pytest.mark.slow
def test_a_day_leaves_nothing_behind(tmp_path, request, figure):
    """Flat lines, through outages, refusals, lost answers and new tokens."""
    day = soak(tmp_path, 24 if LONG else 2)
    found = growth(day["looks"])
    for key, values in found.items():
        figure(f"soak: {key}, first, most, last", values)
    words = "%d records, %d requests, %d set aside, %d delivered twice, %d lost" % tuple(
        day[key] for key in ("recorded", "requests", "set_aside", "twice", "lost")
    )
    figure("soak", words)
    assert (day["lost"], day["pending"]) == (0, 0)
    assert max(look["buffered"] for look in day["looks"]) > 1000  # there were outages
    assert not objections(day["looks"])
    if request.config.getoption("--write-reliability"):
        assert LONG, "the page is written by tox -e soak"
        title = "A simulated day of one device, %s: %s" % (time.strftime("%Y-%m-%d"), words)
        faults = [(begin, begin + minutes / 60, name) for begin, minutes, name, _what in DAY]
        with open(PICTURE, "w", encoding="utf-8") as file:
            file.write(picture(title, day["looks"], STRIPS, faults))
        rows = [
            [called, *(form % (value * factor) for value in found[key])]
            for key, called, form, factor in STRIPS[:3]
        ]
        reliability.write("soak", [words + ".", "", *reliability.table(HEAD, rows)])


@pytest.mark.slow
@pytest.mark.parametrize("planted", ["memory", "descriptors", "threads"])
def test_a_leak_is_seen(tmp_path, planted):
    """The judge sees what it is for, in an hour already."""
    found = objections(soak(tmp_path, 1, planted)["looks"])
    key = {"memory": "resident_kib"}.get(planted, planted)
    assert [text.split(":")[0] for text in found] == [key]


def test_the_picture_shows_every_look():
    """One point a look in each strip, a shade for each fault."""
    looks = [
        {"hours": hour, "resident_kib": 2048, "descriptors": 9, "threads": 1, "buffered": hour}
        for hour in range(1, 9)
    ]
    text = picture("A day", looks, STRIPS, [(1, 2, "no link"), (20, 21, "later")])
    assert text.count("<polyline") == len(STRIPS)
    assert text.count("<title>") == 1
    points = text.split('points="')[1].split('"')[0].split(" ")
    assert len(points) == len(looks)


@pytest.mark.skipif(
    "config.getoption('--write-reliability')", reason="this run writes what is compared"
)
def test_the_page_has_the_picture_of_a_day():
    """Small, of the same run as the table beside it, and nothing was lost in it."""
    with open(PICTURE, encoding="utf-8") as file:
        text = file.read()
    assert len(text) < 60_000
    words = next(line for line in reliability.read("soak") if line.endswith("lost."))
    assert words[:-1] in text
    assert words.endswith(" 0 lost.")
