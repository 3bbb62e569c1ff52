"""Results of a run as tables, in Markdown. Figures in, text out; nothing here measures."""

from statistics import median

from .budgets import judge
from .gauges import SYNCS
from .payloads import BYTES
from .peers import CONTESTANTS

BEGIN = "<!-- measured: written by `python -m tests.benchmarks.buffer --write` -->"
END = "<!-- end of what was measured -->"
_MISSING = "-"
_MIB = 1024 * 1024


def page(results, about, notes, size):
    """Everything that was measured; tables without figures are left out."""
    parts = [" ".join(about)]
    parts += [table(results, size) for table in (_appends, _bytes, _drain, _scale, _agent)]
    verdicts = judge(results)
    if verdicts:
        parts.append("## Budgets\n\nComputed from the medians above.\n\n" + _budgets(verdicts))
    parts += notes
    return "\n\n".join(part for part in parts if part) + "\n"


def write(path, text):
    """Put *text* between the marks of the page at *path*."""
    write_between(path, text, BEGIN, END)


def write_between(path, text, begin_mark, end_mark):
    """Put *text* between two marks of the page at *path*.

    Raises:
        SystemExit: It has no such marks.
    """
    with open(path, encoding="utf-8") as file:
        old = file.read()
    head, begin, rest = old.partition(begin_mark)
    _measured, end, tail = rest.partition(end_mark)
    if not begin or not end:
        raise SystemExit("%s has no marks to write between" % path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(head + begin + "\n\n" + text + "\n" + end + tail)


# -- tables ---------------------------------------------------------------------------------


def _appends(results, _size):
    each, group = results.get("each", {}), results.get("group", {})
    if not each and not group:
        return ""
    rows = []
    for name in _names(each, group):
        syncs = _syncs(results, "syncs_each", name, 1)
        per_group = _syncs(results, "syncs_group", name, 100)
        weak = syncs is not None and syncs < 0.99
        row = [_called(name), *_rate_cells(each, name, in_brackets=weak), number(syncs, 3)]
        row += [*_rate_cells(group, name, in_brackets=weak), number(per_group, 2)]
        rows.append(row)
    head = ["", "one by one, k/s", "min to max", "ratio", "syncs a record"]
    head += ["100 a sync, k/s", "min to max", "ratio", "syncs per 100"]
    text = (
        "Thousand records of %d bytes a second; the ratio is to mcagent. Syncs are counted "
        % BYTES
    )
    text += "with strace (%s). Rates in brackets are not durable: the store " % ", ".join(
        SYNCS[:3]
    )
    text += "answers before it synced."
    return "## Durable appends\n\n" + text + "\n\n" + table(head, rows)


def _bytes(results, _size):
    kinds = ("each", "group", "device_each", "device_group")
    found = [results.get(kind, {}) for kind in kinds]
    rows = []
    for name in _names(*found):
        cells = [_called(name)]
        for kind, runs in zip(kinds, found):
            key = "device" if kind.startswith("device") else "dirtied"
            cells.append(spread([run[key] for run in runs.get(name, []) if key in run], 2))
        rows.append(cells)
    if not any(cell != _MISSING for row in rows for cell in row[1:]):
        return ""
    head = ["", "dirtied, one by one", "dirtied, 100 a sync"]
    head += ["device, one by one", "device, 100 a sync"]
    text = (
        "Bytes for each byte of payload, median (min to max). Dirtied: pages of the page cache, "
        "`write_bytes` of `/proc/self/io`. Device: what a loop device with an ext4 of its own was "
        "given, journal and metadata included."
    )
    return "## Bytes written\n\n" + text + "\n\n" + table(head, rows)


def _drain(results, size):
    drain = results.get("drain", {})
    if not drain:
        return ""
    rows = []
    for name, runs in drain.items():
        stopped = " *" if any(run["stopped"] for run in runs) else ""
        row = [_called(name) + stopped, *_rate_cells(drain, name)]
        row.append(spread([run["dirtied"] for run in runs if "dirtied" in run], 2))
        left = _MISSING if stopped else number(_median(runs, "left_bytes") / _MIB, 1)
        rows.append([*row, left])
    head = ["", "k/s", "min to max", "ratio", "dirtied per payload byte", "MiB left"]
    text = "A backlog of %s, acknowledged per 100, the bodies joined with commas. " % (
        thousands(size["backlog"])
    )
    text += "(*) stopped before the end: too slow for it.\n\n" + table(head, rows)
    thousand, walk = results.get("drain1000", {}), results.get("walk", {})
    if "mcagent" in thousand and "mcagent" in walk:
        rows = [
            ["mcagent, acknowledged per 1 000", *_rate_cells(thousand, "mcagent")[:2]],
            [
                "bare loop over the same segments: walk, CRC, join",
                *_rate_cells(walk, "mcagent")[:2],
            ],
        ]
        text += "\n\n" + table(["", "k/s", "min to max"], rows)
    return "## Drain\n\n" + text


def _scale(results, size):
    fill, drain = results.get("fill", {}), results.get("drain_scale", {})
    if not fill:
        return ""
    low, middle, high = (str(goal) for goal in size["goals"])
    rows = []
    for name, runs in fill.items():
        row = [_called(name)]
        for goal in (middle, high):
            grown = [run["resident_kib"][goal] - run["resident_kib"][low] for run in runs]
            row.append(spread([kib / 1024 for kib in grown], 2))
        drained = drain[name]
        row.append(spread([run["open_ms"] for run in drained], 1))
        row.append(number(_median(drained, "first_rate") / 1000, 0))
        row.append(spread([run["rate"] / 1000 for run in drained], 0))
        row.append(number(_median(runs, "disk_bytes") / _MIB, 1))
        stopped = any(run["stopped"] for run in drained)
        left = "stopped" if stopped else number(_median(drained, "left_bytes") / _MIB, 1)
        rows.append([*row, left, str(len(runs))])
    names = [thousands(int(goal)) for goal in (low, middle, high)]
    head = ["", "RSS, MiB: %s → %s" % (names[0], names[1]), "%s → %s" % (names[0], names[2])]
    head += ["open + first record, ms", "first tenth, k/s", "all, k/s"]
    head += ["disk before, MiB", "disk after, MiB", "runs"]
    text = (
        "%s records buffered, then opened by a new process (page cache warm) and drained "
        % (names[2])
    )
    text += "per 100. Median (min to max)."
    return "## A large backlog\n\n" + text + "\n\n" + table(head, rows)


def _agent(results, size):
    rows = []
    for what in ("record", "record_many"):
        runs = results.get(what, {})
        if runs:
            rows.append(["`%s()`" % what, *_rate_cells(runs, "mcagent")[:2]])
    if not rows:
        return ""
    text = "%s samples of three points: checked against the data model, durable in groups, " % (
        thousands(size["agent"])
    )
    text += "times given, nothing sent."
    return "## Samples\n\n" + text + "\n\n" + table(["", "k/s", "min to max"], rows)


def _budgets(verdicts):
    rows = [[what, figure, "met" if met else "**missed**"] for what, figure, met in verdicts]
    return table(["budget", "measured", ""], rows)


# -- cells ----------------------------------------------------------------------------------


def _rate_cells(runs_of, name, *, in_brackets=False):
    """Median, spread and ratio to ours of the rates."""
    runs = runs_of.get(name)
    if not runs:
        return [_MISSING] * 3
    rates = [run["rate"] / 1000 for run in runs]
    digits = 0 if max(rates) >= 100 else 1
    middle, spread = (
        number(median(rates), digits),
        "%s to %s"
        % (
            number(min(rates), digits),
            number(max(rates), digits),
        ),
    )
    ours = runs_of.get("mcagent")
    ratio = number(_median(runs, "rate") / _median(ours, "rate"), 2) if ours else _MISSING
    return ["(%s)" % middle if in_brackets else middle, spread, ratio]


def _syncs(results, key, name, records):
    runs = results.get(key, {}).get(name)
    return runs[0]["syncs"] / runs[0]["records"] * records if runs else None


def spread(values, digits):
    if not values:
        return _MISSING
    middle, low, high = (
        number(value, digits) for value in (median(values), min(values), max(values))
    )
    return middle if low == high else "%s (%s to %s)" % (middle, low, high)


def _median(runs, key):
    return median([run[key] for run in runs])


def number(value, digits):
    return _MISSING if value is None else "%.*f" % (digits, value)


def thousands(number):
    return "{:,}".format(number).replace(",", " ")


def _called(name):
    called = CONTESTANTS[name].name
    return "**%s**" % called if name == "mcagent" else called


def _names(*found):
    return list(dict.fromkeys(name for runs in found for name in runs))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)
