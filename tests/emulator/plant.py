"""An asset with aspect `motor` of every type, and calls of the time series service on it."""

from urllib.parse import urlencode, urlsplit

from .application import Application

BASE = "/api/iottimeseries/v3/timeseries"
MOTOR = {
    "rpm": {"type": "INT"},
    "total": {"type": "LONG"},
    "load": {"type": "DOUBLE"},
    "on": {"type": "BOOLEAN"},
    "state": {"type": "STRING", "length": 10},
    "log": {"type": "BIG_STRING"},
    "since": {"type": "TIMESTAMP"},
    "bare": {"type": "INT", "qualityCode": False},
}
DAY_S = 86_400


def at(second, millis=0):
    """Give a time of 5 January 2026, *second* seconds after 08:00."""
    fraction = f".{millis:03d}" if millis else ""
    hour, rest = divmod(second, 3600)
    return f"2026-01-05T{8 + hour:02d}:{rest // 60:02d}:{rest % 60:02d}{fraction}Z"


class Plant:
    def __init__(self, hub, aspects=None):
        self.hub = hub
        self.asset = hub.create_asset("pump", aspects or {"motor": MOTOR, "ambient": MOTOR})
        self.application = Application(hub)

    def renew(self):
        """Take a new token, after the clock was set."""
        self.application = Application(self.hub)
        return self

    def path(self, aspect="motor"):
        return f"{BASE}/{self.asset}/{aspect}"

    def call(self, method, path, body=None, **headers):
        return self.application.call(method, path, body, **headers)

    def get(self, aspect="motor", **query):
        if "start" in query:
            query["from"] = query.pop("start")
        return self.call("GET", f"{self.path(aspect)}?{urlencode(query)}")

    def read(self, aspect="motor", **query):
        got = self.get(aspect, **query)
        assert got.status == 200, got.body
        return got.json

    def put(self, *records, aspect="motor"):
        return self.call("PUT", self.path(aspect), list(records))

    def write(self, *records, aspect="motor"):
        got = self.put(*records, aspect=aspect)
        assert (got.status, got.body) == (204, b""), got.body

    def delete(self, aspect="motor", **query):
        if "start" in query:
            query["from"] = query.pop("start")
        return self.call("DELETE", f"{self.path(aspect)}?{urlencode(query)}")

    def everything(self, **query):
        """Read page by page, as the Node client follows links; give the pages."""
        query.setdefault("start", "2000-01-01T00:00:00Z")
        got = self.get(**query)
        pages = []
        while True:
            assert got.status == 200, got.body
            pages.append(got.json)
            assert len(pages) < 100, "links lead round in a circle"
            link = got.headers.get("link")
            if link is None:
                return pages
            assert link.endswith('>; rel="next"')
            target = link.removeprefix("<").removesuffix('>; rel="next"')
            assert target.startswith(self.hub.url)
            parts = urlsplit(target)
            got = self.call("GET", f"{parts.path}?{parts.query}")
