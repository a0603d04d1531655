"""`supermq-cli provision`: gateways set up by one call, or by a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.asking import confirm, page_options, secret_file, sure_option, take_secret
from cli.bulk.options import bulk_options
from cli.choices import CliError
from cli.commanding import Command, Group, calls
from cli.shown import Done, Page, Part, Shown, Text
from cli.views import LAYOUT, MAPPED, MAPPING

if TYPE_CHECKING:
    from cli.bulk.options import BulkOptions
    from cli.session import Session

_STATUSES = ("running", "active", "undoing", "stuck", "broken", "undone", "deleted")

_name = click.option("--name", default="", help="Name of the gateway's thing, not the layout's.")
_layout = click.option("--layout", default="", help="Name of a layout; the default one.")


@click.group(cls=Group)
def provision() -> None:
    """Gateways set up by one call: exactly once, or nothing is left behind."""


@provision.command(
    examples=(
        "provision mapping 33:52:79:C3:43 223334fw2",
        "provision mapping gateway-7 --secret-file key.txt --name 'pump house' --layout small",
        "provision mapping --from gateways.csv --parallel 16",
        "provision mapping --from gateways.csv --resume gateways.csv.result.ndjson",
    )
)
@click.argument("external_id", required=False)
@click.argument("external_key", required=False)
@secret_file
@_name
@_layout
@bulk_options
@calls
async def mapping(
    session: Session,
    external_id: str | None,
    external_key: str | None,
    secret_file: str | None,
    name: str,
    layout: str,
    bulk: BulkOptions,
) -> Shown | int:
    """Set up a gateway by what its label says, or the gateways of a file, row by row.

    Repeating it is safe: the same answer comes again. The columns of a file are `external_id`,
    `external_key`, `name` and `layout`; the last two may be missing. What became of each row is
    written into the result file at once, so that --resume can do what is missing.
    """
    from shared.contracts.provision import MappingBody

    if bulk.file:
        if external_id or external_key or secret_file or name:
            raise CliError("--from takes everything but the layout from the file")
        from cli.bulk.gateways import GatewaysJob
        from cli.bulk.running import run_bulk

        return await run_bulk(session, bulk, GatewaysJob(session, layout))
    bulk.refuse()
    if not external_id:
        raise CliError("the external id is missing", hint="it is printed on the gateway's label")
    key = take_secret(external_key, secret_file, what="external key", is_password=False)
    gateway = MappingBody(external_id=external_id, external_key=key, name=name, layout=layout)
    mapped = await session.platform.provision.map_gateway(await session.token(), gateway)
    if mapped.is_replay:
        session.choices.hint(f"{external_id} was set up just so already; nothing was made")
    from cli.readable import mapped_lines

    return Page(mapped.answer, mapped_lines(external_id, mapped), MAPPED)


@provision.command(
    examples=("provision plan gateway-7", "provision plan gateway-7 --layout small --output json")
)
@click.argument("external_id")
@click.argument("external_key", default="not chosen yet")
@_name
@_layout
@calls
async def plan(
    session: Session, external_id: str, external_key: str, name: str, layout: str
) -> Shown:
    """Tell what `mapping` would make, without making it."""
    from cli.readable import plan_lines
    from shared.contracts.provision import MappingBody

    gateway = MappingBody(
        external_id=external_id, external_key=external_key, name=name, layout=layout
    )
    planned = await session.platform.provision.plan(await session.token(), gateway)
    return Page(planned, plan_lines(external_id, planned))


@provision.command(examples=("provision show 33:52:79:C3:43",))
@click.argument("external_id")
@calls
async def show(session: Session, external_id: str) -> Shown:
    """Show what became of a gateway's mapping, step by step."""
    from cli.readable import record_lines

    token = await session.token()
    record = await session.platform.provision.view_mapping(token, external_id)
    return Page(record, record_lines(record), MAPPING)


@provision.command(
    "list",
    examples=(
        "provision list",
        "provision list --status stuck",
        "provision list --all --output csv",
    ),
)
@page_options
@click.option("--status", type=click.Choice(_STATUSES), help="Only these.")
@click.option("--external-id", default="", help="Exactly this.")
@click.option("--since", default="", metavar="TIME", help="Changed since, 2026-11-21T00:00:00Z.")
@calls
async def list_mappings(
    session: Session,
    part: Part,
    *,
    status: Any,
    external_id: str,
    since: str,
) -> Shown:
    """List the caller's mappings, oldest first."""
    from shared.contracts.provision import MappingsQuery

    query = MappingsQuery(status=status or "", external_id=external_id, since=since)
    return session.items(MAPPING, session.platform.provision.list_mappings, query, part)


@provision.command(
    examples=(
        "provision delete 33:52:79:C3:43",
        "provision delete 33:52:79:C3:43 --keep-channels --yes",
    )
)
@click.argument("external_id")
@click.option("--force", is_flag=True, help="Also if others are connected to parts of it by now.")
@click.option("--keep-channels", is_flag=True, help="Leave the channels.")
@sure_option
@calls
async def delete(
    session: Session, external_id: str, *, force: bool, keep_channels: bool, sure: bool
) -> Shown:
    """Remove everything a mapping made."""
    from shared.contracts.provision import UnmapQuery

    confirm(f"Remove everything that was made for {external_id}?", sure=sure)
    how = UnmapQuery(force=force, keep="channels" if keep_channels else "")
    await session.platform.provision.delete_mapping(await session.token(), external_id, how)
    return Done(f"deleted {external_id}")


@provision.command(examples=("provision retry 33:52:79:C3:43",))
@click.argument("external_id")
@calls
async def retry(session: Session, external_id: str) -> Shown:
    """Try now to clear a stuck or broken mapping away."""
    from cli.readable import record_lines

    token = await session.token()
    record = await session.platform.provision.retry_mapping(token, external_id)
    return Page(record, record_lines(record), MAPPING)


@provision.command(examples=("provision layouts", "provision layouts --output json"))
@page_options
@calls
async def layouts(session: Session, part: Part) -> Shown:
    """List what gateways can be set up by."""

    from shared.http.paging import Page as PageQuery

    list_page = session.platform.provision.list_layouts
    return session.items(LAYOUT, list_page, PageQuery(), part)


@provision.command(examples=("provision layout default", "provision layout small --output json"))
@click.argument("name")
@calls
async def layout(session: Session, name: str) -> Shown:
    """Show a layout: what every gateway set up by it gets."""
    from cli.readable import layout_lines

    found = await session.platform.provision.view_layout(await session.token(), name)
    return Page(found, layout_lines(found), LAYOUT)


@provision.command(examples=("provision content",))
@calls
async def content(session: Session) -> Shown:
    """Show what gateways of the default layout find in their config."""
    import json

    found = await session.platform.provision.content(await session.token())
    return Text(json.dumps(found, ensure_ascii=False, indent=2), found)


@provision.command(
    cls=Command,
    examples=("provision lint config.toml", "provision lint layouts/*.toml --layout --strict"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
@click.option("--layout", "is_layout", is_flag=True, help="Layouts of a folder, not whole files.")
def lint(files: tuple[str, ...], *, strict: bool, is_layout: bool) -> int:
    """Check configuration files on this machine; asks no service.

    The same as `supermq-provision lint`: every problem with line and column.
    """
    from cli.linting import lint_files

    return lint_files(files, strict=strict, is_layout=is_layout)
