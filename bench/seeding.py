"""The world that the rows call: a user and what is his before anything is measured."""

from __future__ import annotations

import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder, Name
from msgspec import Struct

from bench.platform import call

LOGIN = {"identity": "bench@example.com", "secret": "12345678"}
THING = {"name": "thing"}
_PAGE = 10  # so many of each kind, so that first pages are as full as they will be later


class World(Struct, frozen=True):
    """What the rows call: addresses, a user, and entities that are there already.

    Attributes:
        deep_offset: Where a page deep in the list of things begins.
    """

    users: str
    things: str
    bootstrap: str
    provision: str
    certs: str
    http_adapter: str
    empty: str
    token: str
    thing_id: str
    thing_key: str
    channel_id: str
    external_id: str
    external_key: str
    connections: str
    csr: str
    deep_offset: str = "0"


def seed(addresses: dict[str, str], empty: str) -> World:
    """Register the user and make what the rows ask for.

    Args:
        addresses: Where each service answers.
        empty: Where a handler that does nothing answers.
    """
    call(f"{addresses['users']}/users", {"credentials": LOGIN})
    token = call(f"{addresses['users']}/users/tokens/issue", LOGIN)["access_token"]
    label = {"external_id": "bench", "external_key": "bench-key"}
    mapping = call(f"{addresses['provision']}/mapping", label, token)
    for number in range(1, _PAGE):
        other = {"external_id": f"bench-{number}", "external_key": "bench-key"}
        call(f"{addresses['provision']}/mapping", other, token)
    things = call(f"{addresses['things']}/things/bulk", json.dumps([THING] * 100).encode(), token)
    channels = call(
        f"{addresses['things']}/channels/bulk", json.dumps([{"name": "c"}] * 10).encode(), token
    )
    return World(
        users=addresses["users"],
        things=addresses["things"],
        bootstrap=addresses["bootstrap"],
        provision=addresses["provision"],
        certs=addresses["certs"],
        http_adapter=addresses["http_adapter"],
        empty=empty,
        token=token,
        thing_id=mapping["things"][0]["id"],
        thing_key=mapping["things"][0]["key"],
        channel_id=mapping["channels"][0]["id"],
        external_id=label["external_id"],
        external_key=label["external_key"],
        connections=json.dumps(
            {
                "subjects": [thing["id"] for thing in things["things"]],
                "objects": [channel["id"] for channel in channels["channels"]],
            }
        ),
        # Escaped twice: for JSON, and for Lua.
        csr=_signing_request().replace("\n", "\\\\n"),
    )


def _signing_request() -> str:
    request = CertificateSigningRequestBuilder().subject_name(Name([]))
    signed = request.sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
    return signed.public_bytes(Encoding.PEM).decode()
