"""A hand-made application: a token of one tenant, and calls with it; standard library only."""

import base64
import json

from .device import call


class Application:
    """Calls the hub as an application of *tenant* with *scopes* (None: all there are)."""

    def __init__(self, hub, tenant=None, scopes=None):
        self.hub = hub
        wanted = {name: v for name, v in (("tenant", tenant), ("scopes", scopes)) if v is not None}
        got = call(hub.url, "POST", "/_emulator/token", wanted)
        assert got.status == 200, got.body
        self.token = got.json["access_token"]

    def call(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("Authorization", f"Bearer {self.token}")
        return call(self.hub.url, method, path, body, headers)


def claims_of(token):
    """Read a JWT's claims without checking its signature."""
    text = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def basic(client, secret, scheme="Basic"):
    return f"{scheme} {base64.b64encode(f'{client}:{secret}'.encode()).decode()}"
