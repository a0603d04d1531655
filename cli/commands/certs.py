"""`supermq-cli certs`: certificates of things."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from cli.asking import confirm, page_options, sure_option
from cli.choices import CliError
from cli.commanding import Group, calls
from cli.files import read_text, write_private
from cli.shown import Item, Part, Shown, Text
from cli.views import CERTIFICATE

if TYPE_CHECKING:
    from cli.session import Session
    from shared.contracts.certs import CertificateBody

_ID = "9dd12d93-21c9-4147-92fe-769386efb6cc"
_SERIAL = "28:0d:5c:9b:6e:2a:41:7f:93:c5:0e:1b:7a:44:d8:36"
_FILES = {"client_cert": "thing.crt", "client_key": "thing.key", "ca_cert": "ca.crt"}

_ttl = click.option("--ttl", default="", metavar="DURATION", help="How long it is good, 2400h.")
_csr = click.option(
    "--csr-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A request of the thing's own, PEM: then its key stays where it is.",
)
_key_type = click.option("--key-type", type=click.Choice(["ecdsa", "rsa"]), help="Of a new key.")
_key_bits = click.option("--key-bits", type=int, default=0, help="Size of a new key.")
_write = click.option(
    "--write",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write thing.crt, thing.key and ca.crt into a folder.",
)


@click.group(cls=Group)
def certs() -> None:
    """Certificates, with which things prove themselves where a secret is not enough."""


@certs.command(
    examples=(
        f"certs issue {_ID} --ttl 2400h --write /etc/agent",
        f"certs issue {_ID} --ttl 2400h --csr-file thing.csr --output json",
    )
)
@click.argument("thing_id", type=click.UUID)
@_ttl
@_csr
@_key_type
@_key_bits
@_write
@calls
async def issue(
    session: Session,
    thing_id: UUID,
    ttl: str,
    csr_file: Path | None,
    key_type: Any,
    key_bits: int,
    folder: Path | None,
) -> Shown:
    """Issue a certificate for a thing; a key made for it is shown only now."""
    from shared.contracts.certs import IssueBody

    wanted = IssueBody(
        thing_id=str(thing_id),
        ttl=ttl,
        csr=read_text(csr_file),
        key_type=key_type or "",
        key_bits=key_bits,
    )
    return _shown(await session.platform.certs.issue(await session.token(), wanted), folder)


@certs.command(examples=(f"certs renew {_SERIAL} --write /etc/agent",))
@click.argument("serial")
@_ttl
@_csr
@_key_type
@_key_bits
@_write
@calls
async def renew(
    session: Session,
    serial: str,
    ttl: str,
    csr_file: Path | None,
    key_type: Any,
    key_bits: int,
    folder: Path | None,
) -> Shown:
    """Issue a successor; the certificate itself stays good for a while."""
    from shared.contracts.certs import RenewBody

    wanted = RenewBody(
        ttl=ttl,
        csr=read_text(csr_file),
        key_type=key_type or "",
        key_bits=key_bits,
    )
    token = await session.token()
    return _shown(await session.platform.certs.renew(token, _plain(serial), wanted), folder)


@certs.command(examples=(f"certs get {_SERIAL}",))
@click.argument("serial")
@calls
async def get(session: Session, serial: str) -> Shown:
    """Show a certificate, without its key."""
    token = await session.token()
    found = await session.platform.certs.view_certificate(token, _plain(serial))
    return Item(found, CERTIFICATE)


@certs.command(
    "list",
    examples=(
        "certs list --all --output csv",
        f"certs list --thing {_ID}",
        "certs list --expires-before 2027-01-01T00:00:00Z",
    ),
)
@page_options
@click.option("--thing", type=click.UUID, help="Those of a thing that are not revoked.")
@click.option("--expires-before", default="", metavar="TIME", help="2027-01-01T00:00:00Z")
@calls
async def list_certificates(
    session: Session,
    part: Part,
    *,
    thing: UUID | None,
    expires_before: str,
) -> Shown:
    """List certificates, those first that expire first."""
    from shared.contracts.certs import CertificatesQuery
    from shared.http.paging import Page

    if thing and expires_before:
        raise CliError("--thing and --expires-before do not go together")

    client = session.platform.certs
    if thing:
        return session.items(
            CERTIFICATE,
            lambda token, query: client.list_of_thing(token, thing, query),
            Page(),
            part,
        )
    query = CertificatesQuery(expires_before=expires_before)
    return session.items(CERTIFICATE, client.list_certificates, query, part)


@certs.command(examples=(f"certs revoke {_SERIAL}", f"certs revoke {_ID} --yes"))
@click.argument("what", metavar="SERIAL|THING_ID")
@sure_option
@calls
async def revoke(session: Session, what: str, *, sure: bool) -> Shown:
    """Revoke a certificate, or all of a thing."""
    confirm(f"Revoke {what} for good?", sure=sure)
    return Item(await session.platform.certs.revoke(await session.token(), _plain(what)))


@certs.command(examples=("certs ca >ca.crt",))
@calls
async def ca(session: Session) -> Shown:
    """Print the authority's certificates, PEM."""
    text = await session.platform.certs.authority()
    return Text(text.rstrip("\n"), {"ca_cert": text})


@certs.command(examples=("certs crl >crl.pem",))
@calls
async def crl(session: Session) -> Shown:
    """Print the revocation list, PEM."""
    text = await session.platform.certs.revocation_list()
    return Text(text.rstrip("\n"), {"crl": text})


def _shown(certificate: CertificateBody, folder: Path | None) -> Shown:
    if folder is None:
        return Item(certificate, CERTIFICATE)
    texts = {name: getattr(certificate, member) for member, name in _FILES.items()}
    written = write_private(folder, {name: text for name, text in texts.items() if text})
    return Text(
        "\n".join(map(str, written)),
        {"cert_serial": certificate.cert_serial, "files": [str(file) for file in written]},
    )


def _plain(name: str) -> str:
    """Something that can stand in a path: a serial or an id.

    Raises:
        CliError: It is neither.
    """
    if not all(mark.isalnum() or mark in ":-" for mark in name):
        raise CliError(f"{name} is neither a serial nor an id")
    return name
