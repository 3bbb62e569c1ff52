"""The benchmark of uploading runs, and its tables and verdicts follow from its figures.

No time is asserted: what is fast is a question for a quiet machine.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.benchmarks import uploadreport
from tests.benchmarks.test_buffer_benchmark import ROOT, run


@pytest.mark.slow
def test_the_benchmark_runs(tmp_path):
    """Every sample arrives once, by http and https: the sink counts them."""
    figures = tmp_path / "figures.json"
    text = run(
        *("upload", "--quick", "--without-node", "--directory", tmp_path, "--json", figures)
    )
    results = json.loads(figures.read_text())["results"]
    for scheme in uploadreport.SCHEMES:
        assert list(results["backlog" + scheme]) == ["mcagent", "urllib3", "plain"]
        assert results["backlog" + scheme]["plain"][0]["records"] == 3000
        assert results["record" + scheme]["mcagent"][0]["records"] == 3000
    assert results["smallhttp"]["mcagent"][0]["records"] == 3900
    assert results["walkhttp"]["walk"][0]["records"] == 4000
    assert set(results["large"]) == {"backlog", "file"}
    assert "| backlog, **mcagent** |" in text
    assert sorted(os.listdir(tmp_path)) == ["figures.json"]


def test_a_missing_sample_ends_the_measurement(tmp_path):
    """The check can fail: a backlog that holds fewer than was said."""
    code = (
        "import sys; from tests.benchmarks import upload as u\n"
        "size = dict(u.QUICK, records=2000)\n"
        "bench = u.Bench(sys.argv[1], size, 1, None)\n"
        "bench._prepare('backlog', 'http', 1999)\n"
        "bench._measure('backlog', 'mcagent', 'http', check=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "mcagent http: (1999, 1999) arrived of 2000" in done.stderr


def runs(*rates):
    figures = {"cpu_us": 2.0, "peak_kib": 20480, "sink_busy": 0.05}
    return [dict(figures, rate=rate * 1000) for rate in rates]


def test_verdicts_follow_from_the_figures():
    """Medians, not the best run; a budget without its peer is not judged."""
    results = {
        "backloghttp": {"mcagent": runs(100, 500, 900), "node_off": runs(100, 200, 300)},
        "walkhttp": {"walk": runs(900)},
    }
    assert uploadreport.judge(results) == [
        ("backlog, http: ≥ 2.5 x the Node client", "2.50 x", True),
        ("backlog, http: ≥ 0.6 x the bare loop", "0.56 x", False),
    ]
    assert uploadreport.judge({}) == []
    text = uploadreport.page(results, ["Measured."], [], {"records": 1000, "node_records": 10})
    assert "| backlog, **mcagent** | 500 | 100 to 900 | 1.00 | 2.00 | 20.0 | 5 |" in text
    assert "| bare loop: walk, CRC, join; nothing sent | 900 | 900 to 900 | 1.80 |" in text
    assert "| backlog, http: ≥ 0.6 x the bare loop | 0.56 x | **missed** |" in text


def test_the_page_has_marks_of_its_own(tmp_path):
    """Both benchmarks write into one page, each between its own marks."""
    with open(os.path.join(ROOT, "docs", "benchmarks.md"), encoding="utf-8") as file:
        text = file.read()
    assert text.count(uploadreport.BEGIN) == text.count(uploadreport.END) == 1
    page = tmp_path / "page.md"
    page.write_text(text)
    uploadreport.write(page, "figures\n")
    head = text[: text.index(uploadreport.BEGIN)]
    assert page.read_text().startswith(head)
    assert "\n\nfigures\n\n" + uploadreport.END in page.read_text()
