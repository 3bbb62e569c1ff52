"""Tables of the application side: who may call, the model of assets, files, events, bulk jobs."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS applications (
    client TEXT PRIMARY KEY, secret TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
    version TEXT NOT NULL, scopes TEXT NOT NULL, users TEXT NOT NULL);
-- `body` holds the members of the resource that nothing is looked up by. Clients write ids of
-- types in either case.
CREATE TABLE IF NOT EXISTS assets (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, tenant TEXT NOT NULL,
    type TEXT NOT NULL COLLATE NOCASE, parent TEXT, etag INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS assets_parent ON assets (parent);
CREATE TABLE IF NOT EXISTS aspect_types (
    id TEXT PRIMARY KEY COLLATE NOCASE, tenant TEXT NOT NULL, etag INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS asset_types (
    id TEXT PRIMARY KEY COLLATE NOCASE, tenant TEXT NOT NULL, etag INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shares (
    asset TEXT NOT NULL, tenant TEXT NOT NULL, PRIMARY KEY (asset, tenant));
CREATE TABLE IF NOT EXISTS model_locks (tenant TEXT PRIMARY KEY);
"""

NAMES = ("applications", "assets", "aspect_types", "asset_types", "shares", "model_locks")
