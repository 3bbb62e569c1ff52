"""The hub's page: which agents there are and what arrived, as plain HTML made on the server."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .common import hub_of

# Nothing but the page itself is loaded, and what a device sends is shown as text only.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Insights Hub emulator</title>
<meta name="viewport" content="width=device-width">
<style>
body {{ font-family: sans-serif; margin: 2em }}
td, th {{ text-align: left; padding: .2em 1em .2em 0 }}
</style>
</head><body><h1>Insights Hub emulator</h1>
<h2>Agents</h2>
<table><tr><th>Name<th>Id<th>Profile<th>Boarding</tr>
{agents}
</table>
<h2>Counts</h2>
<table>
{counts}
</table>
</body></html>
"""


async def _page(request: Request) -> Response:
    hub = hub_of(request)
    with hub.store.reading() as db:
        rows = db.execute(
            "SELECT name, id, profile, boarding FROM agents ORDER BY rowid"
        ).fetchall()
    state = hub.state()
    shown = {name: value for name, value in state.items() if isinstance(value, (int, float))}
    shown.update({f"received {kind}": number for kind, number in state["received"].items()})
    shown.update({f"dropped {why}": number for why, number in state["dropped"].items()})
    page = _PAGE.format(
        agents="\n".join(_row(*row) for row in rows),
        counts="\n".join(_row(name.replace("_", " "), value) for name, value in shown.items()),
    )
    return HTMLResponse(page, headers={"content-security-policy": _POLICY})


def _row(*cells: object) -> str:
    return "<tr>" + "".join(f"<td>{escape(str(cell))}" for cell in cells) + "</tr>"


ROUTES = [Route("/", _page, methods=["GET"])]
