"""Certificates of a mapping's things: chosen in its plan, with keys that are made here.

The private keys never leave provision but in the answer and in the gateway's config.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import msgspec
from msgspec import Struct

from services.provision.domain import Layout
from shared.contracts.bootstrap import SetConfigBody
from shared.contracts.certs import SetCertificate, SetCertificatesBody, SignedSetBody
from shared.contracts.provision import MappingAnswerBody
from shared.pki import KeyKind, key_kind, key_text, make_key, make_request


class WantedCertificate(Struct, frozen=True, kw_only=True):
    """A certificate as a plan has it.

    Attributes:
        thing: Name of its thing, for those who only look at the plan.
        csr: Empty until the key pair is made.
    """

    thing_id: UUID
    thing: str
    serial: str
    ttl: str
    key_kind: KeyKind
    csr: str = ""


class Keys(Struct, frozen=True):
    """What is made for the certificates of a plan: requests, and the private keys by thing."""

    certificates: list[WantedCertificate]
    private_keys: dict[UUID, str]


def choose_certificates(
    layout: Layout, thing_ids: Sequence[UUID], new_serial: Callable[[], str]
) -> list[WantedCertificate]:
    """The certificates that a layout's things get."""
    if not layout.makes_certificates:
        return []
    return [
        WantedCertificate(
            thing_id=thing_id,
            thing=thing.name,
            serial=new_serial(),
            ttl=thing.certificate.ttl or layout.certificate_ttl,
            key_kind=key_kind(thing.certificate.key_type, thing.certificate.key_bits),
        )
        for thing, thing_id in zip(layout.things, thing_ids, strict=True)
        if thing.certificate.issue
    ]


def make_keys(certificates: Sequence[WantedCertificate]) -> Keys:
    """Make key pairs and requests; takes long, so call it off the event loop."""
    keys = {one.thing_id: make_key(one.key_kind) for one in certificates}
    return Keys(
        [
            msgspec.structs.replace(one, csr=make_request(keys[one.thing_id], one.thing_id))
            for one in certificates
        ],
        {thing_id: key_text(key) for thing_id, key in keys.items()},
    )


def signing_body(certificates: Sequence[WantedCertificate]) -> SetCertificatesBody:
    """What certs is asked for."""
    return SetCertificatesBody(
        certificates=[
            SetCertificate(thing_id=one.thing_id, serial=one.serial, csr=one.csr, ttl=one.ttl)
            for one in certificates
        ]
    )


def certified_config(
    config: SetConfigBody, signed: SignedSetBody, private_keys: Mapping[UUID, str]
) -> SetConfigBody:
    """The config with its thing's certificate, if it has one."""
    for one in signed.certificates:
        if one.thing_id == config.thing_id:
            return msgspec.structs.replace(
                config,
                client_cert=one.client_cert,
                client_key=private_keys[one.thing_id],
                ca_cert=signed.ca_cert,
            )
    return config


def certified_answer(
    answer: MappingAnswerBody,
    signed: SignedSetBody,
    certificates: Sequence[WantedCertificate],
    private_keys: Mapping[UUID, str],
) -> MappingAnswerBody:
    """The answer with today's certificates, and with those keys that are still kept and fit."""
    serials = {one.serial for one in signed.certificates}
    return msgspec.structs.replace(
        answer,
        client_cert={str(one.thing_id): one.client_cert for one in signed.certificates},
        client_key={
            str(one.thing_id): private_keys[one.thing_id]
            for one in certificates
            if one.serial in serials and one.thing_id in private_keys
        },
        ca_cert=signed.ca_cert,
    )
