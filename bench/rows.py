"""The rows of the bench: what is called, with what, and what is to be reached.

Each row is a few lines of Lua for wrk. `N` is a number that no other request has. What only reads
comes first: after the rows that write, the database is no longer an empty one.
"""

from __future__ import annotations

from msgspec import Struct

from bench.seeding import World

CONNECTIONS = 16


class Row(Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        url: Attribute of `World` that is called.
        path: What is called; a Lua expression.
        body: The JSON sent along; a Lua expression, empty without one.
        headers: Besides the content type; Lua table members.
        goal: Requests a second to reach on two cores, 0 without a goal.
        ceiling: Name of the row that bounds this one, measured in the same run.
        connections: How many call at the same time.
        pause_milliseconds: How long each of them waits before each call.
        growth: How many times slower a full database may make it.
        is_for_grown: Whether it can be measured on a full database only.
    """

    name: str
    url: str
    method: str = "GET"
    path: str
    body: str = ""
    headers: str = ""
    goal: int = 0
    ceiling: str = ""
    connections: int = CONNECTIONS
    pause_milliseconds: int = 0
    growth: float = 1.3
    is_for_grown: bool = False


_USER = '["Authorization"] = "Bearer {token}"'

ROWS = (
    Row(name="empty-get", url="empty", path='"/"'),
    Row(name="empty-post", url="empty", method="POST", path='"/"', body='\'{"name":"n"}\''),
    Row(
        name="things-list",
        url="things",
        path='"/things?limit=10"',
        headers=_USER,
        goal=2500,
        ceiling="empty-get",
        growth=1.2,
    ),
    Row(
        name="things-list-deep",
        url="things",
        path='"/things?limit=10&offset={deep_offset}"',
        headers=_USER,
        goal=300,
        ceiling="empty-get",
        is_for_grown=True,
    ),
    Row(
        name="things-get",
        url="things",
        path='"/things/{thing_id}"',
        headers=_USER,
        goal=5000,
        ceiling="empty-get",
    ),
    Row(
        name="channels-list",
        url="things",
        path='"/channels?limit=10"',
        headers=_USER,
        ceiling="empty-get",
    ),
    Row(
        name="configs-list",
        url="bootstrap",
        path='"/things/configs?limit=10"',
        headers=_USER,
        ceiling="empty-get",
    ),
    Row(
        name="mappings-list",
        url="provision",
        path='"/mappings?limit=10"',
        headers=_USER,
        ceiling="empty-get",
    ),
    Row(
        name="identify",
        url="things",
        method="POST",
        path='"/identify"',
        headers='["Authorization"] = "Thing {thing_key}"',
        goal=7000,
        ceiling="empty-get",
    ),
    Row(
        name="bootstrap-fetch",
        url="bootstrap",
        path='"/things/bootstrap/{external_id}"',
        headers='["Authorization"] = "Thing {external_key}"',
        goal=5000,
        ceiling="empty-get",
    ),
    Row(
        name="message-http",
        url="http_adapter",
        method="POST",
        path='"/channels/{channel_id}/messages"',
        body='\'[{"n":"temperature","v":20.5}]\'',
        headers='["Authorization"] = "Thing {thing_key}"',
        goal=5000,
        ceiling="empty-post",
    ),
    Row(
        name="token-issue",
        url="users",
        method="POST",
        path='"/users/tokens/issue"',
        body='\'{"identity":"bench@example.com","secret":"12345678"}\'',
        ceiling="bcrypt",
    ),
    Row(
        name="mapping",
        url="provision",
        method="POST",
        path='"/mapping"',
        body='\'{"external_id":"\' .. N .. \'","external_key":"key"}\'',
        headers=_USER,
        goal=800,
        ceiling="pgbench",
    ),
    Row(
        name="things-create",
        url="things",
        method="POST",
        path='"/things"',
        body="'{\"name\":\"' .. N .. '\"}'",
        headers=_USER,
        goal=3500,
        ceiling="empty-post",
    ),
    Row(
        name="things-bulk-100",
        url="things",
        method="POST",
        path='"/things/bulk"',
        body='"[" .. string.rep(\'{"name":"b"},\', 99) .. \'{"name":"b"}]\'',
        headers=_USER,
        goal=250,
        ceiling="pgbench",
    ),
    Row(
        name="connect-1000",  # 100 things x 10 channels, connected again and again
        url="things",
        method="POST",
        path='"/connect"',
        body="'{connections}'",
        headers=_USER,
        ceiling="pgbench",
        connections=1,
    ),
    Row(
        name="certs-issue",
        url="certs",
        method="POST",
        path='"/certs"',
        body='\'{"thing_id":"{thing_id}","ttl":"24h"}\'',
        headers=_USER,
        ceiling="pgbench",
    ),
    Row(
        name="certs-sign",
        url="certs",
        method="POST",
        path='"/certs"',
        body='\'{"thing_id":"{thing_id}","ttl":"24h","csr":"{csr}"}\'',
        headers=_USER,
        goal=400,
        ceiling="pgbench",
    ),
)

_SCRIPT = """\
local thread_number = 0
function setup(thread)
  thread:set("number", thread_number)
  thread_number = thread_number + 1
end
local count = 0
local function fresh()
  count = count + 1
  return "%(run)s-" .. number .. "-" .. count
end
function request()
  local N = fresh()
  return wrk.format("%(method)s", %(path)s, {%(headers)s}, %(body)s)
end
"""
_PAUSE = """\
function delay()
  return %d
end
"""


def script(row: Row, world: World, run: str) -> str:
    """The Lua that wrk runs for a row.

    Args:
        run: Makes the numbers of this run differ from those of all others.
    """
    members = [row.headers] if row.headers else []
    if row.body:
        members.append('["Content-Type"] = "application/json"')
    text = _SCRIPT % {
        "run": run,
        "method": row.method,
        "path": row.path,
        "headers": ", ".join(members),
        "body": row.body or "nil",
    }
    if row.pause_milliseconds:
        text += _PAUSE % row.pause_milliseconds
    for name in world.__struct_fields__:
        text = text.replace(f"{{{name}}}", getattr(world, name))
    return text
