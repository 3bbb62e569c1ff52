"""The platform's own interface by plain urllib3: reads back what the Node client sent."""

import json
from urllib.parse import urlencode

import urllib3


class Plain:
    """Requests with one bearer token; `get("/api/…", size=5)` gives parsed JSON."""

    def __init__(self, hub, token):
        self._url = hub.url
        self._pool = urllib3.PoolManager(
            ca_certs=hub.ca_file if hub.url.startswith("https:") else None, retries=False
        )
        self._headers = {"Authorization": "Bearer " + token}

    def request(self, method, path, body=None, headers=None, **query):
        url = self._url + path + ("?" + urlencode(query) if query else "")
        given = {**self._headers, **(headers or {})}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            given["Content-Type"] = "application/json"
        return self._pool.request(method, url, body=body, headers=given, timeout=90)

    def get(self, path, **query):
        answer = self.request("GET", path, **query)
        assert answer.status == 200, (path, answer.status, answer.data)
        return json.loads(answer.data)

    def octets(self, path):
        answer = self.request("GET", path)
        assert answer.status == 200, (path, answer.status, answer.data)
        return answer.data

    def status(self, path):
        return self.request("GET", path).status

    def records(self, asset, aspect, first, last):
        """Give the records of an aspect, both ends included."""
        path = "/api/iottimeseries/v3/timeseries/%s/%s" % (asset, aspect)
        # `from` is exclusive: one millisecond before
        return self.get(path, **{"from": text(first - 1), "to": text(last)})

    def close(self):
        self._pool.clear()


def text(epoch_ms):
    """Give a time as the client writes it: `2026-01-05T08:00:00.000Z`."""
    from datetime import datetime, timezone

    moment = datetime.fromtimestamp(epoch_ms // 1000, timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + ".%03dZ" % (epoch_ms % 1000)
