"""The platform without its network: the parts of one hub, wired."""

import os
import re
from collections import Counter
from typing import Any

from starlette.requests import Request

from .breaches import Breaches
from .clock import PlatformClock
from .credentials import Credentials
from .faults import Faults
from .journal import Journal
from .keys import SigningKey
from .principals import Tokens
from .settings import Settings
from .store import Store
from .timeseries_counts import read_counts
from .timeseries_queue import Writes
from .timeseries_rules import Throttle
from .traffic import Traffic
from .worker import Worker

_HOST = re.compile(
    r"[A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?"
)
_COUNTED = ("agents", "assets", "mappings", "event_mappings", "files", "recoverable")


class Hub:
    """One Insights Hub; `data` is the directory that it keeps itself in, None for RAM."""

    def __init__(self, settings: Settings, data: "str | None" = None) -> None:
        self.settings = settings
        # First: a damaged one is refused, and nothing is open yet.
        self.keys = SigningKey(os.path.join(data, "signing-key.pem") if data else None)
        self.store = Store(os.path.join(data, "hub.sqlite") if data else ":memory:")
        self.clock = PlatformClock()
        self.faults = Faults(self.clock)
        self.tokens = Tokens(self.keys, self.clock, settings)
        self.credentials = Credentials(self.keys, self.clock, settings)
        self.journal = Journal(self.store)
        self.breaches = Breaches(settings, self.clock)
        self.worker = Worker(self.store, self.journal, self.clock, settings, self.breaches)
        self.writes = Writes(self.store, self.worker, self.clock, settings)
        self.throttle = Throttle()
        self.requests: Counter[str] = Counter()
        self.traffic = Traffic()

    def base_url(self, request: Request) -> str:
        """Give the origin for `baseUrl` and `registration_client_uri`.

        Clients PUT to the URI as it stands (agent API 1.1), so it must be the way they came by.
        """
        host = request.headers.get("host", "")
        if self.settings.public_url or not _HOST.fullmatch(host):
            return self.settings.public_url.rstrip("/")
        return f"{request.url.scheme}://{host}"

    def agent_name(self, agent: str) -> str:
        """Give the name of an agent, "" if there is none with that id."""
        with self.store.reading() as db:
            row = db.execute("SELECT name FROM agents WHERE id = ?", (agent,)).fetchone()
        return str(row[0]) if row else ""

    def state(self) -> dict[str, Any]:
        """Count everything."""
        with self.store.reading() as db:
            count = {
                name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
                for name in (
                    "agents",
                    "assets",
                    "mappings",
                    "event_mappings",
                    "files",
                    "recoverable",
                )
            }
            root = "SELECT count(*) FROM assets WHERE parent IS NULL"  # made by itself
            count["assets"] -= db.execute(root).fetchone()[0]
            onboarded = "SELECT count(*) FROM agents WHERE boarding = 'ONBOARDED'"
            records, values = read_counts(db)
            alive = "SELECT count(*) FROM events WHERE expires_ms > ?"
            newest = "SELECT exchange FROM received ORDER BY item DESC LIMIT 1"
            last = db.execute(newest).fetchone()
            received = "SELECT kind, sum(lines) FROM received GROUP BY kind"
            return {
                "agents": count["agents"],
                "onboarded": db.execute(onboarded).fetchone()[0],
                "assets": count["assets"],
                "mappings": count["mappings"],
                "event_mappings": count["event_mappings"],
                "exchanges": last["exchange"] if last else 0,
                "received": dict(tuple(row) for row in db.execute(received)),
                "records": records,
                "values": values,
                "events": db.execute(alive, (self.clock.now_ms(),)).fetchone()[0],
                "files": count["files"],
                "dropped": dict(
                    tuple(row)
                    for row in db.execute("SELECT reason, sum(number) FROM drops GROUP BY reason")
                ),
                "recoverable_records": count["recoverable"],
                "breaches": self.breaches.counts(),
                "pending": self.worker.pending(),
                "requests": dict(self.requests),
                "clock_offset_s": self.clock.offset_s,
                "faults": self.faults.show(),
                "settings": self.settings.as_dict(),
            }

    def clear(self, settings: Settings) -> None:
        """Forget everything but the signing key, and start again with *settings*."""
        self.store.clear()
        self.faults.replace([])
        self.clock.offset_s = 0.0
        self.settings.change(settings.as_dict())
        self.requests.clear()
        self.traffic.clear()
        self.breaches.clear()
        self.throttle.clear()

    def close(self) -> None:
        self.worker.close()
        self.keys.close()
        self.store.close()
