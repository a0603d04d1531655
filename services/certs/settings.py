"""Settings of the certs service, read from SMQ_CERTS_* variables."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from services.certs.authority import Authority, UnusableAuthority
from shared.clock import utc_now
from shared.pki import KeyKind, key_kind, make_authority
from shared.settings import Port, ServiceSettings, SettingsError
from shared.state import kept

_CHAIN_VARIABLE = "SMQ_CERTS_SIGN_CA_PATH"
_KEY_VARIABLE = "SMQ_CERTS_SIGN_CA_KEY_PATH"


class CertsSettings(ServiceSettings, frozen=True, kw_only=True):
    """What the operator can set."""

    http_port: Annotated[Port, Meta(description="Port to listen on.")] = 9019
    things_url: Annotated[
        str, Meta(description="Where things answers.", extra={"variables": ["THINGS_URL"]})
    ] = "http://localhost:9000"
    sign_ca_path: Annotated[
        str,
        Meta(
            description="File with the signing authority's certificate in PEM, those above it"
            " behind it; made once when empty."
        ),
    ] = ""
    sign_ca_key_path: Annotated[
        str, Meta(description="File with its private key in PEM, not encrypted.")
    ] = ""
    key_type: Annotated[
        Literal["ecdsa", "rsa"], Meta(description="Of keys made here: `ecdsa` or `rsa`.")
    ] = "ecdsa"
    key_bits: Annotated[
        int, Meta(description="256 or 384; 2048, 3072 or 4096 for `rsa`; 0 for the smallest.")
    ] = 0
    renewal_grace: Annotated[
        timedelta, Meta(description="How long a certificate stays good after it was renewed.")
    ] = timedelta(days=7)
    public_url: Annotated[
        str,
        Meta(
            description="Where peers find `/crl` and `/ocsp`; written into certificates if given."
        ),
    ] = ""


def usual_key_kind(settings: CertsSettings) -> KeyKind:
    """What is made when nobody asks for something else; raises SettingsError."""
    try:
        return key_kind(settings.key_type, settings.key_bits)
    except ValueError as error:
        raise SettingsError([f"SMQ_CERTS_KEY_BITS is malformed: {error}"]) from None


def check_given_authority(settings: CertsSettings) -> None:
    """Refuse files that cannot be used; raises SettingsError."""
    if settings.sign_ca_path or settings.sign_ca_key_path:
        authority_of(settings)


def authority_of(settings: CertsSettings) -> Authority:
    """The signing authority: from the files that were given, else the kept one.

    Of one that is made here, the root's key is thrown away.

    Raises:
        SettingsError: The files are unusable.
    """
    if settings.sign_ca_path or settings.sign_ca_key_path:
        chain = _content(settings.sign_ca_path, _CHAIN_VARIABLE)
        key = _content(settings.sign_ca_key_path, _KEY_VARIABLE)
        source = f"{_CHAIN_VARIABLE} and {_KEY_VARIABLE}"
    else:
        chain = key = kept(
            settings, "certs-authority", "", variable=_CHAIN_VARIABLE, make=_new_authority
        ).encode()
        source = f"certs-authority in {settings.state_dir}"
    try:
        return Authority(chain, key, public_url=settings.public_url, now=utc_now())
    except UnusableAuthority as error:
        raise SettingsError([f"{source}: {error}"]) from None


def _new_authority() -> str:
    made = make_authority(utc_now())
    return made.signing_key + made.chain


def _content(path: str, variable: str) -> bytes:
    if not path:
        raise SettingsError([f"{variable} is not set, though the other file of the authority is"])
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise SettingsError([f"{variable}: cannot read {path}: {error.strerror}"]) from None
