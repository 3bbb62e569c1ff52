"""Whatever a device sends is text; whatever a foreign web page tries is refused."""

import http.server
import threading

import pytest
from playwright.sync_api import expect

from mcagent import Agent, DataModel, DataPoint, DataSource, Event, File
from mcagent.emulator import Emulator

UNFOLD = "(view) => view.querySelectorAll('details').forEach((part) => { part.open = true; })"
MARKUP = "<img src=x onerror=\"console.error('ran')\">"
SCRIPT = "</pre><script>console.error('ran')</script>"
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload=\"console.error('ran')\"><script>1</script></svg>"
FILES = {
    "page.html": ("text/html", f"<!doctype html><body onload=\"console.error('ran')\">{SCRIPT}"),
    "picture.svg": ("image/svg+xml", SVG),
    "picture.png": ("image/png", SVG),  # not what it says
    "code.js": ("text/javascript", "console.error('ran')"),
    "nothing.bin": ("text/html", ""),
    "bytes.bin": (MARKUP, "\x00\x01" + MARKUP),
    "<b>name.html": ("text/html", MARKUP),
}


@pytest.fixture
def filled(hub, tmp_path):
    """A hub whose device named, described and sent everything as markup."""
    boarding = hub.create_agent(MARKUP, automap=True)
    with Agent.open(str(tmp_path / "a"), boarding=boarding, ca_file=hub.ca_file) as agent:
        agent.onboard()
        points = [
            DataPoint("a<b>", "DOUBLE", name=MARKUP[:64], unit="<i>"),
            DataPoint("t", "STRING"),
        ]
        agent.submit(DataModel("<u>c", [DataSource("<s>source", points, description=SCRIPT)]))
        agent.submit(Event(SCRIPT, details={MARKUP: SVG}))
        for number in range(5):
            agent.record({"a<b>": number / 3, "t": SCRIPT})
        for name, (kind, text) in FILES.items():
            path = tmp_path / name.replace("/", "")
            path.write_text(text)
            agent.submit(File(str(path), type=kind))
        report = agent.upload(timeout_s=60)
    assert report.pending == 0
    hub.settle()
    return hub


def test_what_a_device_sends_is_shown_as_text(filled, open_page):
    """The fixture `open_page` fails if anything ran: it would write to the console."""
    page = open_page(filled.url)
    expect(page.locator("#agents")).to_contain_text(MARKUP)
    page.get_by_role("button", name="t", exact=False).filter(has_text="source · t").click()
    expect(page.locator("figure td.text").first).to_have_text(SCRIPT)
    for view, shown in (
        ("models", SCRIPT),
        ("events", SCRIPT),
        ("files", "<b>name.html"),
        ("exchanges", MARKUP),
        ("requests", "/exchange"),
    ):
        page.goto(f"{filled.url}/#{view}")
        section = page.locator(f"[data-view={view}]")
        expect(section).to_contain_text(shown)
        section.evaluate(UNFOLD)
        expect(section.locator("pre, img, .tree li").first).to_be_visible()
        page.wait_for_timeout(300)
    # Nothing that came has become an element.
    assert page.locator("main :is(script, svg, iframe, object, embed, b, i, u, s)").count() == 0


def test_a_preview_shows_bytes_and_runs_nothing(filled, open_page):
    page = open_page(f"{filled.url}/#files")
    for name, (_kind, content) in FILES.items():
        row = page.locator("#files > li").filter(has=page.locator("strong", has_text=name))
        row.get_by_text("Preview").click()
        if not content:
            expect(row).to_contain_text("Empty: 0 bytes.")
        elif "\x00" in content:
            expect(row.locator("pre")).to_contain_text("000000  00 01 3c 69 6d 67")
        else:
            expect(row.locator("pre")).to_have_text(content)
        assert row.locator("img").count() == 0


def test_bytes_that_are_opened_by_themselves_are_saved_not_shown(filled, open_page):
    page = open_page(f"{filled.url}/#files")
    links = [f"/_emulator/files/{file['sha256']}" for file in filled.files()]
    page.goto(f"{filled.url}/#files")
    for link in [*links, "/_emulator/page/items/1"]:
        fields = page.evaluate(
            "async (path) => Object.fromEntries((await fetch(path)).headers)", link
        )
        assert fields["content-type"] == "application/octet-stream"
        assert fields["x-content-type-options"] == "nosniff"
        assert "sandbox" in fields["content-security-policy"]


FOREIGN = """<!doctype html><title>foreign</title><body><script>
const hub = "%s";
const tries = async () => {
  const told = [];
  const attempt = async (name, work) => {
    try { told.push(name + ": " + (await work())); } catch (error) { told.push(name + ": failed"); }
  };
  const body = '[{"action": "drop_before"}]';
  const url = hub + "/_emulator/faults";
  await attempt("put", async () => (await fetch(url, { method: "PUT", body })).status);
  await attempt("read", async () => (await fetch(hub + "/_emulator/state")).text());
  await attempt("post", async () => {
    const sent = await fetch(url, { method: "POST", mode: "no-cors", body: body.slice(1, -1) });
    return sent.type;  // the answer cannot be read; what it did can be seen at the hub
  });
  await attempt("beacon", async () => navigator.sendBeacon(hub + "/_emulator/clock", '{"offset_s": 99}'));
  await attempt("stream", () => new Promise((done, failed) => {
    const stream = new EventSource(hub + "/_emulator/page/stream");
    stream.onopen = () => done("open");
    stream.onerror = failed;
  }));
  await attempt("script", () => new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = hub + "/_emulator/page/static/format.js";
    script.onload = () => done("ran");
    script.onerror = failed;
    document.body.append(script);
  }));
  const form = document.createElement("form");
  form.method = "post"; form.enctype = "text/plain"; form.target = "frame";
  form.action = hub + "/_emulator/agents";
  const field = document.createElement("input");
  field.name = '{"name": "forged", "x": "'; field.value = '"}';
  form.append(field);
  const frame = document.createElement("iframe");
  frame.name = "frame";
  document.body.append(frame, form);
  form.submit();
  await new Promise((done) => setTimeout(done, 700));
  return told;
};
</script>"""


class Foreign:
    """Another web server on this machine: as foreign as one of the network."""

    def __init__(self, hub_url):
        page = (FOREIGN % hub_url).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "rebound.example"])
def test_a_foreign_page_changes_and_reads_nothing(chromium, host):
    """Same machine, another port; another name for it; a name that its owner made point here."""
    with Emulator(tls=False) as hub:
        foreign = Foreign(f"http://127.0.0.1:{hub.port}")
        context = chromium.new_context()
        try:
            page = context.new_page()
            page.goto(f"http://{host}:{foreign.port}/")
            told = page.evaluate("tries()")
        finally:
            context.close()
            foreign.close()
        assert told == [
            "put: failed",
            "read: failed",
            "post: opaque",
            "beacon: true",
            "stream: failed",
            "script: failed",
        ]
        assert hub.faults() == []
        state = hub.state()
        assert (state["agents"], state["clock_offset_s"]) == (0, 0)


def test_a_name_that_was_rebound_reads_nothing(chromium):
    """The foreign page's own name now means this hub: for the browser it is one origin."""
    with Emulator(tls=False) as hub:
        context = chromium.new_context()
        try:
            page = context.new_page()
            own = f"http://rebound.example:{hub.port}"
            answer = page.goto(own + "/")
            assert answer.status == 403
            assert "--public-url" in answer.text()
            script = "async (url) => (await fetch(url, {method: 'PUT', body: '[]'})).status"
            assert page.evaluate(script, own + "/_emulator/faults") == 403
            read = "async (url) => (await fetch(url)).status"
            assert page.evaluate(read, own + "/_emulator/state") == 403
        finally:
            context.close()
