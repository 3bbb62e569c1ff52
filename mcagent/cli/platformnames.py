"""Agents and assets as a person calls them: by name, or by id."""

import re

from ..errors import InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..services.agents_values import AgentRecord
    from ..services.assets_values import Asset
    from ..services.session import Session

_ID = re.compile(r"[0-9a-f]{32}")


def named_agent(session: "Session", name: str) -> "AgentRecord":
    """The agent of a name or an id.

    Raises:
        InvalidMessage: No agent is called so.
        RemoteError: No agent has this id.
    """
    from ..services.agents import Agents

    agents = Agents(session)
    if _ID.fullmatch(name):
        return agents.get(name)
    found = agents.find(name)
    if found is None:
        raise InvalidMessage(f"no agent is called {name!r}", hint="mcagent agents ls lists them")
    return found


def asset_id(session: "Session", name: str) -> str:
    """The id of an asset that a person calls by name or id; an id is not looked up.

    Raises:
        InvalidMessage: No asset is called so.
        RemoteError: Several are, or names may not be looked up.
    """
    if _ID.fullmatch(name.lower()):
        return name.lower()
    return named_asset(session, name).id


def named_asset(session: "Session", name: str) -> "Asset":
    """The asset of a name or an id; ``root`` is the tenant's root asset.

    Raises:
        InvalidMessage: No asset is called so.
        RemoteError: Several are, or no asset has this id.
    """
    from ..services.assets import Assets

    assets = Assets(session)
    if name == "root":
        return assets.root()
    if _ID.fullmatch(name):
        return assets.get(name)
    found = assets.find(name)
    if found is None:
        raise InvalidMessage(f"no asset is called {name!r}", hint="mcagent assets ls lists them")
    return found
