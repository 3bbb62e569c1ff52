"""Event types: those that are always there, those of a tenant, and what an event of one may hold.

Source: services API 4.1 and 4.4.
"""

import json
import re
import sqlite3
import sys
import uuid
from collections.abc import Callable
from typing import Any

from .answers import Refusal
from .times import parse_time

Type = dict[str, Any]

_PREFIX = "com.siemens.mindsphere.eventmgmt.event.type."
BASE = f"{_PREFIX}BaseEvent"
STANDARD = f"{_PREFIX}MindSphereStandardEvent"
AGENT_BASE = "core.connectivity.event.type.AgentBaseEvent"
CORE = "core"
_LEVELS_MAX = 4
_FIELDS_MAX = 200
_TTL_DEFAULT, _TTL_MAX = 35, 36_500
_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_TEXT_MAX = 255  # a guess; the length of a description in an exchange
_LINK_MAX = 2048


def _field(name: str, kind: str, *, filterable: bool = True) -> Type:
    return {
        "name": name,
        "type": kind,
        "filterable": filterable,
        "required": False,
        "updatable": True,
    }


def _type(name: str, parent: "str | None", *fields: Type) -> Type:
    return {
        "name": name,
        "parentId": parent,
        "ttl": _TTL_DEFAULT,
        "scope": "GLOBAL",
        "fields": list(fields),
    }


_BUILTIN = {
    BASE: _type("BaseEvent", None),
    STANDARD: _type(
        "MindSphereStandardEvent",
        BASE,
        _field("description", "STRING", filterable=False),
        _field("severity", "INTEGER"),
        _field("code", "STRING"),
        _field("source", "STRING"),
        _field("acknowledged", "BOOLEAN"),
        # Not in the description; the Node client sends them (4.5).
        _field("sourceType", "STRING"),
        _field("sourceId", "STRING"),
    ),
    AGENT_BASE: _type("AgentBaseEvent", STANDARD, _field("component", "STRING")),
}

BUILTIN_NAMES = frozenset(one["name"] for one in _BUILTIN.values())

# Members that every event has; a type adds fields to them.
MEMBERS = ("typeId", "correlationId", "timestamp", "entityId")


def list_types(db: sqlite3.Connection, tenant: str) -> list[Type]:
    """Give the types that a tenant sees: built-in ones, its own, and global ones."""
    rows = db.execute("SELECT * FROM event_types ORDER BY rowid").fetchall()
    stored = [_of_row(row) for row in rows]
    return [*map(_builtin, _BUILTIN), *(one for one in stored if _visible(one, tenant))]


def find_type(db: sqlite3.Connection, type_id: str) -> "Type | None":
    if type_id in _BUILTIN:
        return _builtin(type_id)
    row = db.execute("SELECT * FROM event_types WHERE id = ?", (type_id,)).fetchone()
    return None if row is None else _of_row(row)


def visible_type(db: sqlite3.Connection, type_id: str, tenant: str) -> Type:
    """Give a type that *tenant* may use.

    Raises:
        Refusal: 404.
    """
    found = find_type(db, type_id)
    if found is None or not _visible(found, tenant):
        raise Refusal(404, f"Event type {type_id[:140]} not found.")
    return found


def _visible(one: Type, tenant: str) -> bool:
    return one["owner"] in (tenant, CORE) or one["scope"] == "GLOBAL"


def _of_row(row: sqlite3.Row) -> Type:
    return {
        "id": row["id"],
        "owner": row["tenant"],
        "etag": row["etag"],
        **json.loads(row["body"]),
    }


def _builtin(type_id: str) -> Type:
    body = json.loads(json.dumps(_BUILTIN[type_id]))  # nobody changes the constant
    return {"id": type_id, "owner": CORE, "etag": 0, **body}


def lineage(db: sqlite3.Connection, one: Type) -> list[Type]:
    """Give a type's ancestors, the base event first, and itself as the last."""
    found = [one]
    while found[0]["parentId"] is not None and len(found) <= _LEVELS_MAX:
        parent = find_type(db, found[0]["parentId"])
        if parent is None:
            break
        found.insert(0, parent)
    return found


def fields_of(db: sqlite3.Connection, one: Type) -> dict[str, Type]:
    """Give all fields of a type by name, inherited ones too."""
    return {field["name"]: field for ancestor in lineage(db, one) for field in ancestor["fields"]}


def create_type(db: sqlite3.Connection, body: Type, tenant: str) -> Type:
    """Create a type.

    Raises:
        Refusal: 400 a bad member, 409 the id exists.
    """
    type_id = body.get("id")
    if type_id is None:
        type_id = str(uuid.uuid4())
    elif not isinstance(type_id, str) or not _ID.fullmatch(type_id):
        raise Refusal(400, "id must have 1 to 128 letters, digits, '.', '_' or '-'.")
    elif not type_id.startswith(f"{tenant}."):
        raise Refusal(400, f"id must begin with {tenant}. like all types of the tenant.")
    if find_type(db, type_id) is not None:
        raise Refusal(409, f"Event type {type_id} exists.")
    db.execute(
        "INSERT INTO event_types VALUES (?, ?, 0, ?)",
        (type_id, tenant, json.dumps(_checked(db, body, tenant))),
    )
    return visible_type(db, type_id, tenant)


def change_type(db: sqlite3.Connection, one: Type, changes: Any, tenant: str) -> Type:
    """Apply a list of operations to a type; etag + 1.

    Raises:
        Refusal: 400 or 403.
    """
    _check_owner(one, tenant)
    if not isinstance(changes, list) or not 1 <= len(changes) <= _FIELDS_MAX:
        raise Refusal(400, f"Body must be a list of 1 to {_FIELDS_MAX} operations.")
    body = {name: one[name] for name in ("name", "parentId", "ttl", "scope", "fields")}
    for change in changes:
        _apply(body, change)
    db.execute(
        "UPDATE event_types SET body = ?, etag = etag + 1 WHERE id = ?",
        (json.dumps(_checked(db, body, tenant)), one["id"]),
    )
    return visible_type(db, one["id"], tenant)


def _apply(body: Type, change: Any) -> None:
    """Apply one operation: add or replace of a scope, a ttl, a field or a field's flag."""
    if not isinstance(change, dict) or change.get("op") not in ("add", "replace"):
        raise Refusal(400, "An operation must be an object with op add or replace.")
    path, value = change.get("path"), change.get("value")
    parts = path.split("/")[1:] if isinstance(path, str) and path.startswith("/") else []
    if parts in (["scope"], ["ttl"]):
        body[parts[0]] = value
    elif parts == ["fields"] and change["op"] == "add":
        body["fields"] = [*body["fields"], *(value if isinstance(value, list) else [value])]
    elif len(parts) == 3 and parts[0] == "fields":
        # What an operation before this one added was not looked at yet.
        held = (one for one in body["fields"] if isinstance(one, dict))
        field = next((one for one in held if one.get("name") == parts[1]), None)
        if field is None or parts[2] not in ("filterable", "required", "updatable", "values"):
            raise Refusal(400, f"path {str(path)[:140]} is none of the type's.")
        field[parts[2]] = value
    else:
        raise Refusal(400, f"path {str(path)[:140]} cannot be changed with {change['op']}.")


def delete_type(db: sqlite3.Connection, one: Type, tenant: str) -> None:
    """Delete a type that no event and no other type uses.

    Raises:
        Refusal: 400 it is used, 403 it is not the tenant's own.
    """
    _check_owner(one, tenant)
    if db.execute("SELECT 1 FROM events WHERE type = ?", (one["id"],)).fetchone():
        raise Refusal(400, f"There are events of type {one['id']}.")
    rows = db.execute("SELECT * FROM event_types").fetchall()
    if any(_of_row(row)["parentId"] == one["id"] for row in rows):
        raise Refusal(400, f"Another type inherits from {one['id']}.")
    db.execute("DELETE FROM event_types WHERE id = ?", (one["id"],))


def _check_owner(one: Type, tenant: str) -> None:
    if one["owner"] != tenant:
        raise Refusal(403, f"Event type {one['id']} is not for tenant {tenant} to change.")


def _checked(db: sqlite3.Connection, body: Type, tenant: str) -> Type:
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 128:
        raise Refusal(400, "name must have 1 to 128 characters.")
    ttl = body.get("ttl", _TTL_DEFAULT)
    if isinstance(ttl, bool) or not isinstance(ttl, int) or not 1 <= ttl <= _TTL_MAX:
        raise Refusal(400, f"ttl must be a number of days from 1 to {_TTL_MAX}.")
    scope = body.get("scope", "LOCAL")
    if scope not in ("LOCAL", "GLOBAL"):
        raise Refusal(400, "scope must be LOCAL or GLOBAL.")
    parent_id = body.get("parentId") or BASE
    if not isinstance(parent_id, str):
        raise Refusal(400, "parentId must be text.")
    try:
        parent = visible_type(db, parent_id, tenant)
    except Refusal as exc:
        raise Refusal(400, f"parentId: {exc.message}") from exc
    if len(lineage(db, parent)) >= _LEVELS_MAX:
        raise Refusal(400, f"Types inherit over at most {_LEVELS_MAX} levels.")
    given = body.get("fields", [])
    if not isinstance(given, list) or len(given) > _FIELDS_MAX:
        raise Refusal(400, f"fields must be a list of at most {_FIELDS_MAX}.")
    fields = [_checked_field(field) for field in given]
    names = [*MEMBERS, "id", "etag", *fields_of(db, parent), *(one["name"] for one in fields)]
    for taken in sorted({one for one in names if names.count(one) > 1}):
        raise Refusal(400, f"Field {taken} occurs twice in the type and its parents.")
    return {"name": name, "parentId": parent["id"], "ttl": ttl, "scope": scope, "fields": fields}


def _checked_field(field: Any) -> Type:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str):
        raise Refusal(400, "A field must be an object with a name.")
    name, kind = field["name"], field.get("type")
    if not _NAME.fullmatch(name):
        raise Refusal(400, f"{name[:80]!r} is not a name for a field.")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Refusal(400, f"type of field {name} must be one of {', '.join(_KINDS)}.")
    checked: Type = {"name": name, "type": kind}
    for flag, default in (("filterable", False), ("required", False), ("updatable", True)):
        value = field.get(flag, default)
        if not isinstance(value, bool):
            raise Refusal(400, f"{flag} of field {name} must be true or false.")
        checked[flag] = value
    values = field.get("values")
    if (kind == "ENUM") != (values is not None):
        raise Refusal(400, f"Field {name}: values belong to ENUM, and ENUM needs them.")
    if values is not None:
        texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
        if not texts or not 1 <= len(values) <= _FIELDS_MAX:
            raise Refusal(400, f"values of field {name} must be a list of texts.")
        checked["values"] = values
    return checked


def check_value(field: Type, value: Any) -> None:
    """Check a value against its field.

    Raises:
        Refusal: 400.
    """
    name, kind = field["name"], field["type"]
    if kind == "ENUM":
        if value not in field["values"]:
            raise Refusal(400, f"{name} must be one of {', '.join(field['values'])}.")
        return
    fits, words = _KINDS[kind]
    if not fits(value):
        raise Refusal(400, f"{name} must be {words}.")


def _is_time(value: Any) -> bool:
    try:
        parse_time(value)
    except ValueError:
        return False
    return True


def _is_uuid(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(uuid.UUID(value))
    except ValueError:
        return False


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and abs(value) <= sys.float_info.max  # 1e999 is JSON, and no DOUBLE


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31


def _is_text(longest: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= longest


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "STRING": (_is_text(_TEXT_MAX), f"text of at most {_TEXT_MAX} characters"),
    "INTEGER": (_is_integer, "an integer of 32 bits"),
    "DOUBLE": (_is_number, "a number"),
    "BOOLEAN": (lambda value: isinstance(value, bool), "true or false"),
    "LINK": (_is_text(_LINK_MAX), f"text of at most {_LINK_MAX} characters"),
    "TIMESTAMP": (_is_time, "an ISO 8601 time"),
    "UUID": (_is_uuid, "a UUID"),
    "ENUM": (lambda _value: True, ""),
}
