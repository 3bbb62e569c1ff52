"""The budgets that concern the buffer, each judged by the figures of one run."""

from statistics import median

_FAST = ("leveldb", "lmdb", "sqlite")  # the best of these is the bar for a drain


def judge(results):
    """(budget, what was measured, met) for each that this run can judge."""
    found = [rule(results) for rule in _RULES]
    return [verdict for verdict in found if verdict is not None]


def _syncs_each(results):
    runs = results.get("syncs_each", {}).get("mcagent")
    if not runs:
        return None
    syncs, records = runs[0]["syncs"], runs[0]["records"]
    return (
        "one sync each: exactly 1 sync a record",
        "%d for %d" % (syncs, records),
        syncs == records,
    )


def _appends_each(results):
    return _faster("one sync each: ≥ 1.2 x LevelDB", results.get("each", {}), ("leveldb",))


def _appends_group(results):
    return _faster("one sync per 100: ≥ 1.2 x LevelDB", results.get("group", {}), ("leveldb",))


def _drain(results):
    what = "drain acknowledged per 100: ≥ 1.2 x the best of LevelDB, LMDB, SQLite"
    return _faster(what, results.get("drain", {}), _FAST)


def _drain_bare(results):
    ours, bare = (_median(results, key, "mcagent", "rate") for key in ("drain1000", "walk"))
    if ours is None or bare is None:
        return None
    what = "drain per 1 000, storage alone: ≥ 0.6 x a bare walk, CRC and join loop"
    return what, "%.2f x" % (ours / bare), ours >= 0.6 * bare


def _dirtied(key, most):
    what = {"each": "one sync each", "group": "one sync per 100"}[key]

    def rule(results):
        value = _median(results, key, "mcagent", "dirtied")
        if value is None:
            return None
        name = "bytes dirtied per payload byte, %s: ≤ %s" % (what, most)
        return name, "%.2f" % value, value <= most

    return rule


def _resident(results):
    runs = results.get("fill", {}).get("mcagent")
    if not runs:
        return None
    goals = sorted(runs[0]["resident_kib"], key=int)
    low, high = goals[0], goals[-1]
    if int(high) < 1_000_000:
        return None
    grown = median([run["resident_kib"][high] - run["resident_kib"][low] for run in runs])
    return "RSS growth, 1 k → 1 M buffered records: ≤ 1 MB", "%d KiB" % grown, grown * 1024 <= 1e6


def _open(results):
    runs = results.get("drain_scale", {}).get("mcagent")
    filled = results.get("fill", {}).get("mcagent")
    if not runs or not filled or max(map(int, filled[0]["resident_kib"])) < 1_000_000:
        return None
    value = median([run["open_ms"] for run in runs])
    return "open and first record with 1 M records: ≤ 5 ms warm", "%.1f ms" % value, value <= 5


def _samples(what, least):
    def rule(results):
        value = _median(results, what, "mcagent", "rate")
        if value is None:
            return None
        name = "`%s()`: ≥ %d k/s" % (what, least // 1000)
        return name, "%.0f k/s" % (value / 1000), value >= least

    return rule


def _faster(what, runs_of, peers):
    rates = {name: median([run["rate"] for run in runs]) for name, runs in runs_of.items()}
    if "mcagent" not in rates or any(name not in rates for name in peers):
        return None
    best = max(peers, key=rates.get)
    ratio = rates["mcagent"] / rates[best]
    return what, "%.2f x %s" % (ratio, best), ratio >= 1.2


def _median(results, key, name, figure):
    runs = results.get(key, {}).get(name)
    values = [run[figure] for run in runs or () if figure in run]
    return median(values) if values else None


_RULES = (
    _syncs_each,
    _appends_each,
    _appends_group,
    _drain,
    _drain_bare,
    _dirtied("each", 22),
    _dirtied("group", 1.33),
    _resident,
    _open,
    _samples("record", 60_000),
    _samples("record_many", 120_000),
)
