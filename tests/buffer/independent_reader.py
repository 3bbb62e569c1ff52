"""A reader of the buffer format, written from docs/buffer-format.md alone.

It shares no code with mcagent and imports nothing of it: where the two disagree, the document or
one of them is wrong. Plain and slow on purpose. As a program it prints what is left to deliver:
``python independent_reader.py BUFFER``.
"""

import os
import re
import struct
import sys
import zlib

LANES = {"models": 1, "events": 2, "timeseries": 3, "files": 4, "rejected": 5}
NAME = re.compile(r"^([0-9]{16})-([0-9a-f]{8})\.seg$")
LOSSES = ("quota", "damaged", "age", "space")


def read_lane(buffer, lane, *, everything=False):
    """(sequence, kind, payload, wall clock ms or None, configuration id) of what is left.

    *everything* includes what is done with and still on disk.
    """
    folder = os.path.join(buffer, lane)
    segments = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        match = NAME.match(name)
        if match and int(match[1]) > 0:
            # Sorted: of two with one `first` the one with the higher nonce comes last and stays.
            segments[int(match[1])] = (int(match[2], 16), os.path.join(folder, name))
    state = read_cursor(buffer)[lane]
    firsts = sorted(segments)
    found = []
    for place, first in enumerate(firsts):
        nonce, path = segments[first]
        end = firsts[place + 1] if place + 1 < len(firsts) else None
        with open(path, "rb") as file:
            data = file.read()
        for record in _read_segment(data, LANES[lane], first, nonce):
            if end is not None and record[0] >= end:
                break
            left = record[0] >= state["head"] and not (
                state["hole_first"] <= record[0] <= state["hole_last"]
            )
            if everything or left:
                found.append(record)
    return found


def read_cursor(buffer):
    """Lane to head, hole_first, hole_last, batch_last and losses."""
    try:
        with open(os.path.join(buffer, "cursor"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        data = b""
    best = None
    for offset in (0, 4096):
        slot = data[offset : offset + 1272]
        if len(slot) < 1272 or slot[:8] != b"mcagcur\x01":
            continue
        generation, _high_water, lanes = struct.unpack_from("<QqI", slot, 8)
        (crc,) = struct.unpack_from("<I", slot, 1268)
        if lanes != 5 or zlib.crc32(slot[:1268]) != crc:
            continue
        if best is None or generation > best[0]:
            best = (generation, slot)
    states = {}
    for lane, number in LANES.items():
        if best is None:
            states[lane] = {
                "head": 1,
                "hole_first": 0,
                "hole_last": 0,
                "batch_last": 0,
                "losses": {},
            }
            continue
        offset = 28 + 248 * (number - 1)
        head, _place, hole_first, hole_last, batch_last = struct.unpack_from(
            "<5Q", best[1], offset
        )
        losses = {}
        for place, reason in enumerate(LOSSES):
            fields = struct.unpack_from("<4Q2q", best[1], offset + 56 + 48 * place)
            if fields[0]:
                losses[reason] = {"records": fields[0], "first": fields[2], "last": fields[3]}
        states[lane] = {
            "head": head,
            "hole_first": hole_first,
            "hole_last": hole_last,
            "batch_last": batch_last,
            "losses": losses,
        }
    return states


def _read_segment(data, lane, first, nonce):
    expected_head = b"mcagseg\x01" + struct.pack("<IIQ", lane, nonce, first)
    seed = zlib.crc32(expected_head)
    header = data[:32]
    if header[:7] == b"mcagseg" and len(header) == 32:
        intact = zlib.crc32(header[:24]) == struct.unpack_from("<I", header, 28)[0]
        if intact and header[:24] != expected_head:
            return  # of another version, or in the wrong place
    offset, index, slack = 32, 0, 0
    contexts = {}
    last_ordinal = None
    while data[offset:].strip(b"\0"):
        frame = _intact(data, offset, seed, index, slack)
        if frame is None:
            start = offset
            offset = _after_damage(data, offset, seed, index, slack)
            if offset is None:
                return
            slack += offset - start
            continue
        kind, index, ordinal, age_ms, payload = frame
        offset += 16 + len(payload)
        slack = 0
        if kind == 127:
            boot_id, wall_ms, _monotonic, flags = struct.unpack_from("<16sqQB", payload, 0)
            contexts = {ordinal: (boot_id, wall_ms if flags & 1 else None, payload[33:].decode())}
            last_ordinal = ordinal
            continue
        _boot, wall_ms, configuration = (
            contexts[ordinal] if ordinal == last_ordinal else (None, None, "")
        )
        made_ms = None if wall_ms is None else wall_ms + age_ms
        yield first + index, kind, payload, made_ms, configuration
        index += 1


def _intact(data, offset, seed, expected_index, slack):
    """(kind, index, ordinal, age, payload) of the frame at *offset*, or None."""
    if offset + 16 > len(data):
        return None
    crc, size, place, age_ms = struct.unpack_from("<4I", data, offset)
    length, kind = size & 0xFFFFFF, size >> 24
    index, ordinal = place & 0xFFFFFF, place >> 24
    end = offset + 16 + length
    if not kind or not length or end > len(data):
        return None
    if not 0 <= index - expected_index <= slack // 17:
        return None
    if zlib.crc32(data[offset + 4 : end], seed) != crc:
        return None
    return kind, index, ordinal, age_ms, data[offset + 16 : end]


def _after_damage(data, offset, seed, index, slack):
    """Where reading goes on; None where nothing intact follows."""
    if offset + 16 <= len(data):
        following = offset + 16 + (struct.unpack_from("<I", data, offset + 4)[0] & 0xFFFFFF)
        if _intact(data, following, seed, index, slack + following - offset):
            return following
    for place in range(offset + 1, len(data) - 16):
        if _intact(data, place, seed, index, slack + place - offset):
            return place
    return None


def main(buffer):
    for lane in LANES:
        for sequence, kind, payload, made_ms, configuration in read_lane(buffer, lane):
            print(
                lane,
                sequence,
                kind,
                made_ms,
                configuration or "-",
                payload.decode("utf-8", "replace"),
            )


if __name__ == "__main__":
    main(sys.argv[1])
