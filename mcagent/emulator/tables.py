"""Tables of the application side: who may call, the model of assets, files, events, bulk jobs."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS applications (
    client TEXT PRIMARY KEY, secret TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
    version TEXT NOT NULL, scopes TEXT NOT NULL, users TEXT NOT NULL);
"""

NAMES = ("applications",)
