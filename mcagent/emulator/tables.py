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
-- `path` is empty or ends in a slash; `created` is the time that came with the file.
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL,
    agent TEXT NOT NULL, type TEXT NOT NULL, description TEXT NOT NULL, created TEXT NOT NULL,
    size INTEGER NOT NULL, sha256 TEXT NOT NULL, etag INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, created_by TEXT NOT NULL,
    updated_by TEXT NOT NULL, UNIQUE (asset, path, name));
CREATE INDEX IF NOT EXISTS files_bytes ON files (sha256);
CREATE TABLE IF NOT EXISTS uploads (
    asset TEXT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
    description TEXT NOT NULL, timestamp TEXT NOT NULL, started_ms INTEGER NOT NULL,
    PRIMARY KEY (asset, path, name));
CREATE TABLE IF NOT EXISTS upload_parts (
    asset TEXT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL, part INTEGER NOT NULL,
    content BLOB NOT NULL, PRIMARY KEY (asset, path, name, part));
-- `id` is the device's, `uid` the service's own. `body` is the event as it came, `fields` are
-- those of its type.
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, agent TEXT NOT NULL, id TEXT NOT NULL,
    uid TEXT NOT NULL UNIQUE, type TEXT NOT NULL, correlation TEXT NOT NULL,
    time_ms INTEGER NOT NULL, etag INTEGER NOT NULL, fields TEXT NOT NULL, body TEXT NOT NULL,
    expires_ms INTEGER NOT NULL, UNIQUE (asset, id));
CREATE INDEX IF NOT EXISTS events_expiry ON events (expires_ms);
CREATE INDEX IF NOT EXISTS events_time ON events (time_ms);
CREATE TABLE IF NOT EXISTS event_types (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, etag INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event_jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, tenant TEXT NOT NULL, done_ms INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bulk_jobs (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, body TEXT NOT NULL);
"""

NAMES = (
    "bulk_jobs",
    "applications",
    "assets",
    "aspect_types",
    "asset_types",
    "shares",
    "model_locks",
    "files",
    "uploads",
    "upload_parts",
    "events",
    "event_types",
    "event_jobs",
)
