"""Whose asset it is: every service of the application side asks here before it answers."""

import sqlite3

from starlette.requests import Request

from ..answers import Refusal
from ..assets import root_of
from ..assets_tree import find_asset, is_shared
from .common import caller_of, check_tenant, hub_of


def found_asset(
    request: Request, db: sqlite3.Connection, asset: str, *, write: bool = False
) -> sqlite3.Row:
    """Give an asset that the caller may read, or with *write* change.

    A shared asset can be read and never changed by the tenant that it was shared with.

    Raises:
        Refusal: 404 unknown; 403 (switch `foreign_status`) another tenant's.
    """
    caller = caller_of(request)
    row = find_asset(db, asset)
    if row is None:
        raise Refusal(404, f"Asset {asset[:64]} not found.")
    if write or not is_shared(db, row["id"], caller.tenant):
        check_tenant(request, row["tenant"], f"Asset {asset[:64]}")
    return row


def found_own_asset(
    request: Request, db: sqlite3.Connection, asset: str, *, write: bool = False
) -> sqlite3.Row:
    """Give an asset for files and events: an agent keeps to its own (6.5, a guess, so a switch).

    Raises:
        Refusal: as `found_asset`; 403, an agent asks for another asset than its own.
    """
    row = found_asset(request, db, asset, write=write)
    caller = caller_of(request)
    if caller.agent is not None and hub_of(request).settings.agents_keep_to_themselves:
        own = db.execute("SELECT entity FROM agents WHERE id = ?", (caller.agent,)).fetchone()
        if own is None or own["entity"] != row["id"]:
            raise Refusal(403, "An agent may only work on its own asset.")
    return row


def found_root(request: Request, db: sqlite3.Connection) -> sqlite3.Row:
    """Give the root asset of the caller's tenant; inside a transaction, it may have to be made."""
    return found_asset(request, db, root_of(db, caller_of(request).tenant))
