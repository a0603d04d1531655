"""`supermq-cli bootstrap`: configs that gateways fetch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.asking import IDS, confirm, page_options, secret_file, sure_option, take_secret
from cli.choices import CliError
from cli.commanding import Group, calls
from cli.files import read_text
from cli.shown import Done, Item, Part, Shown, Text
from cli.views import CONFIG

if TYPE_CHECKING:
    from cli.session import Session

_ID = "9dd12d93-21c9-4147-92fe-769386efb6cc"
_STATES = {"inactive": 0, "active": 1, "0": 0, "1": 1}
_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(cls=Group)
def bootstrap() -> None:
    """Configs that gateways fetch with the id and key on their labels."""


@bootstrap.command(
    examples=(
        "bootstrap add 33:52:79:C3:43 223334fw2 --channels ff1316f1-d3c6-4590-8bf3-33774d79eab2",
        f"bootstrap add gateway-7 --secret-file key.txt --thing {_ID} --content-file content.json",
    )
)
@click.argument("external_id")
@click.argument("external_key", required=False)
@secret_file
@click.option("--thing", type=click.UUID, help="Its thing; one is made if left out.")
@click.option("--channels", type=IDS, help="Its channels, with commas between them.")
@click.option("--name", default="", help="Display name.")
@click.option(
    "--content-file", type=_PEM, help="What the gateway's programs read; Agents need JSON."
)
@click.option("--cert-file", type=_PEM, help="Client certificate, PEM.")
@click.option("--key-file", type=_PEM, help="Its private key, PEM.")
@click.option("--ca-file", type=_PEM, help="The authority, PEM.")
@calls
async def add(
    session: Session,
    external_id: str,
    external_key: str | None,
    secret_file: str | None,
    thing: UUID | None,
    channels: list[str] | None,
    name: str,
    content_file: Path | None,
    cert_file: Path | None,
    key_file: Path | None,
    ca_file: Path | None,
) -> Shown:
    """Add a config by hand; `bootstrap state` connects its thing to its channels."""
    from shared.contracts.bootstrap import AddConfigBody

    key = take_secret(external_key, secret_file, what="external key", is_password=False)
    config = AddConfigBody(
        thing_id=str(thing or ""),
        external_id=external_id,
        external_key=key,
        channels=channels,
        name=name,
        content=read_text(content_file),
        client_cert=read_text(cert_file),
        client_key=read_text(key_file),
        ca_cert=read_text(ca_file),
    )
    token = await session.token()
    thing_id = await session.platform.bootstrap.add_config(token, config)
    return Item(await session.platform.bootstrap.view_config(token, thing_id), CONFIG)


@bootstrap.command(examples=(f"bootstrap get {_ID}",))
@click.argument("thing_id", type=click.UUID)
@calls
async def get(session: Session, thing_id: UUID) -> Shown:
    """Show a config, by its thing."""
    token = await session.token()
    return Item(await session.platform.bootstrap.view_config(token, thing_id), CONFIG)


@bootstrap.command(
    "list", examples=("bootstrap list", "bootstrap list --state active --all --output csv")
)
@page_options
@click.option("--state", type=click.Choice(list(_STATES)), help="Connected or not.")
@click.option("--external-id", default="", help="Exactly this.")
@click.option("--name", default="", help="With this in its name.")
@calls
async def list_configs(
    session: Session,
    part: Part,
    *,
    state: str | None,
    external_id: str,
    name: str,
) -> Shown:
    """List the caller's configs, without their channels."""
    from shared.contracts.bootstrap import ConfigsQuery

    wanted: Any = "" if state is None else str(_STATES[state])

    query = ConfigsQuery(state=wanted, external_id=external_id, name=name)
    return session.items(CONFIG, session.platform.bootstrap.list_configs, query, part)


@bootstrap.command(examples=(f"bootstrap update {_ID} --content-file content.json",))
@click.argument("thing_id", type=click.UUID)
@click.option("--name", help="New name.")
@click.option("--content-file", type=_PEM, help="New content.")
@calls
async def update(
    session: Session, thing_id: UUID, name: str | None, content_file: Path | None
) -> Shown:
    """Change name and content; what is not given stays."""
    from shared.contracts.bootstrap import UpdateConfigBody

    token = await session.token()
    config = await session.platform.bootstrap.view_config(token, thing_id)
    changes = UpdateConfigBody(
        name=config.name if name is None else name,
        content=config.content if content_file is None else read_text(content_file),
    )
    await session.platform.bootstrap.update_config(token, thing_id, changes)
    return Item(await session.platform.bootstrap.view_config(token, thing_id), CONFIG)


@bootstrap.command(
    examples=(f"bootstrap certs {_ID} --cert-file thing.crt --key-file thing.key --ca-file ca.crt",)
)
@click.argument("thing_id", type=click.UUID)
@click.option("--cert-file", type=_PEM, help="Client certificate, PEM.")
@click.option("--key-file", type=_PEM, help="Its private key, PEM.")
@click.option("--ca-file", type=_PEM, help="The authority, PEM.")
@calls
async def certs(
    session: Session,
    thing_id: UUID,
    cert_file: Path | None,
    key_file: Path | None,
    ca_file: Path | None,
) -> Shown:
    """Replace what the gateway authenticates itself with; what is not given is cleared."""
    from shared.contracts.bootstrap import UpdateCertificatesBody

    given = UpdateCertificatesBody(
        client_cert=read_text(cert_file), client_key=read_text(key_file), ca_cert=read_text(ca_file)
    )
    token = await session.token()
    return Item(await session.platform.bootstrap.update_certificates(token, thing_id, given))


@bootstrap.command(examples=(f"bootstrap channels {_ID} ff1316f1-d3c6-4590-8bf3-33774d79eab2",))
@click.argument("thing_id", type=click.UUID)
@click.argument("channels", type=IDS)
@calls
async def channels(session: Session, thing_id: UUID, channels: list[str]) -> Shown:
    """Replace the list of channels; an active config's thing is connected accordingly."""
    token = await session.token()
    ids = [UUID(channel) for channel in channels]
    await session.platform.bootstrap.update_connections(token, thing_id, ids)
    return Item(await session.platform.bootstrap.view_config(token, thing_id), CONFIG)


@bootstrap.command(examples=(f"bootstrap state {_ID} active", f"bootstrap state {_ID} 0"))
@click.argument("thing_id", type=click.UUID)
@click.argument("wanted", metavar="STATE", type=click.Choice(list(_STATES)))
@calls
async def state(session: Session, thing_id: UUID, wanted: str) -> Shown:
    """Connect a config's thing to the config's channels (1, active), or disconnect it."""
    from shared.contracts.bootstrap import State

    token = await session.token()
    await session.platform.bootstrap.set_state(token, thing_id, State(_STATES[wanted]))
    return Done(f"{thing_id} is {State(_STATES[wanted]).name.lower()}")


@bootstrap.command(examples=(f"bootstrap delete {_ID}", f"bootstrap delete {_ID} --yes"))
@click.argument("thing_id", type=click.UUID)
@sure_option
@calls
async def delete(session: Session, thing_id: UUID, *, sure: bool) -> Shown:
    """Remove a config; its thing stays, disconnected."""
    confirm(f"Remove the config of thing {thing_id} for good?", sure=sure)
    await session.platform.bootstrap.delete_config(await session.token(), thing_id)
    return Done(f"deleted the config of {thing_id}")


@bootstrap.command(
    examples=(
        "bootstrap fetch 33:52:79:C3:43 223334fw2",
        "bootstrap fetch gateway-7 --secret-file key.txt --write /etc/agent",
        "bootstrap fetch gateway-7 external_key --secure --encrypt-key-file fleet.key",
    )
)
@click.argument("external_id")
@click.argument("external_key", required=False)
@secret_file
@click.option("--secure", is_flag=True, help="Encrypted both ways.")
@click.option(
    "--encrypt-key-file",
    metavar="FILE",
    help="The key that gateways and platform share. [SMQ_BOOTSTRAP_ENCRYPT_KEY]",
)
@click.option(
    "--write",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write what the Agent and Export read into a folder.",
)
@calls
async def fetch(
    session: Session,
    external_id: str,
    external_key: str | None,
    secret_file: str | None,
    *,
    secure: bool,
    encrypt_key_file: str | None,
    folder: Path | None,
) -> Shown:
    """Fetch a config as the gateway would, with nothing but its label.

    With --write a folder gets `config.toml` of the Agent, `export.toml` of Export, the
    certificates if there are any, and the answer itself; nobody else can read them.
    """
    import json

    key = take_secret(external_key, secret_file, what="external key", is_password=False)
    if secure:
        from cli.sealed import fetch_sealed

        answer = await fetch_sealed(session, external_id, key, encrypt_key_file)
    else:
        answer = await session.platform.bootstrap.fetch(external_id, key)
    try:
        body = json.loads(answer)
    except ValueError:
        raise CliError("the answer is not JSON; is the encryption key right?", code=1) from None
    if folder is None:
        return Text(json.dumps(body, ensure_ascii=False, indent=2), body)
    from cli.agent import write_files

    written = write_files(folder, answer)
    return Text("\n".join(map(str, written)), {"files": [str(file) for file in written]})
