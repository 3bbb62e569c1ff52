"""Results of a run of `upload` as tables, in Markdown, and the budgets. Nothing here measures."""

from statistics import median

from .report import number, spread, table, thousands, write_between

BEGIN = "<!-- measured: written by `python -m tests.benchmarks.upload --write` -->"
END = "<!-- end of what was measured of uploads -->"
SCHEMES = ("http", "https")
_CALLED = {
    "mcagent": "**mcagent**",
    "urllib3": "urllib3, the same bodies from memory",
    "plain": "plain socket, the same bodies from memory",
    "node_off": "Node client, `validateModel=false`",
    "node": "Node client, its default",
    "walk": "bare loop: walk, CRC, join; nothing sent",
}


def page(results, about, notes, size):
    """Everything that was measured."""
    parts = [" ".join(about)]
    parts += [_rates(results, scheme, size) for scheme in SCHEMES if "backlog" + scheme in results]
    parts += [_large(results, size)] if "large" in results else []
    verdicts = judge(results)
    if verdicts:
        rows = [[what, figure, "met" if met else "**missed**"] for what, figure, met in verdicts]
        head = ["budget", "measured", ""]
        parts.append("### Budgets of uploads\n\nFrom the medians above.\n\n" + table(head, rows))
    return "\n\n".join(parts + notes) + "\n"


def write(path, text):
    """Put *text* between the marks of the page at *path*."""
    write_between(path, text, BEGIN, END)


def judge(results):
    """(budget, what was measured, met) for each that this run can judge."""
    http, small = results.get("backloghttp", {}), results.get("smallhttp", {})
    walk, recorded = results.get("walkhttp", {}), results.get("recordhttp", {})
    wire = "`record_many()` to the wire, exchanges of %s: ≥ %s x the Node client%s"
    found = []
    for what, runs, peers, peer, least in (
        ("backlog, http: ≥ 2.5 x the Node client", http, http, "node_off", 2.5),
        ("backlog, http: ≥ 0.6 x the bare loop", http, walk, "walk", 0.6),
        (wire % ("100", "1.0", ""), small, small, "node_off", 1.0),
        (wire % ("100", "15", "'s default"), small, small, "node", 15),
        (wire % ("1 000", "1.0", ""), recorded, http, "node_off", 1.0),
        (wire % ("1 000", "15", "'s default"), recorded, http, "node", 15),
    ):
        if "mcagent" in runs and peer in peers:
            ratio = _median(runs["mcagent"], "rate") / _median(peers[peer], "rate")
            found.append((what, "%.2f x" % ratio, ratio >= least))
    return found


def _rates(results, scheme, size):
    """One table: a backlog, `record_many`, and the peers, by *scheme*."""
    backlog = results["backlog" + scheme]
    ours = _median(backlog["mcagent"], "rate")
    rows = []
    for key, words in (
        ("backlog", "backlog, "),
        ("walk", ""),
        ("record", "`record_many()` to the wire, "),
        ("small", "exchanges of 100: "),
    ):
        for name, runs in results.get(key + scheme, {}).items():
            called = _CALLED[name] if name.startswith("node") else words + _CALLED[name]
            if key == "small":
                called = words + _CALLED[name].replace(
                    "**mcagent**", "`record_many()`, **mcagent**"
                )
            rows.append([called, *_cells(runs, ours, sent=key != "walk")])
    head = ["", "k/s", "min to max", "ratio", "CPU, µs a sample", "peak RSS, MiB", "sink, % CPU"]
    text = "%s samples of three points in exchanges of 1 000 (the Node client's default: %s)." % (
        thousands(size["records"]),
        thousands(size["node_records"]),
    )
    return "### Uploads by %s\n\n%s\n\n%s" % (scheme, text, table(head, rows))


def _cells(runs, ours, *, sent):
    rates = [run["rate"] / 1000 for run in runs]
    digits = 0 if max(rates) >= 100 else 1
    return [
        number(median(rates), digits),
        "%s to %s" % (number(min(rates), digits), number(max(rates), digits)),
        number(_median(runs, "rate") / ours, 2),
        spread([run["cpu_us"] for run in runs], 2),
        number(_median(runs, "peak_kib") / 1024, 1),
        number(_median(runs, "sink_busy") * 100, 0) if sent else "-",
    ]


def _large(results, size):
    rows = []
    for what, called in (
        ("backlog", "%s samples" % thousands(size["large"])),
        ("file", "a file of %s bytes" % thousands(size["file"])),
    ):
        runs = results["large"].get(what)
        if runs:
            grown = spread([run["grown_kib"] / 1024 for run in runs], 2)
            rows.append([called, grown, number(_median(runs, "seconds"), 2), str(len(runs))])
    head = ["", "RSS grows by, MiB", "seconds", "runs"]
    text = "By https, measured from the end of a first upload on: the most that the memory grew."
    return "### Large uploads\n\n%s\n\n%s" % (text, table(head, rows))


def _median(runs, key):
    return median([run[key] for run in runs])
