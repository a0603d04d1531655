"""Mappings whose things get certificates: chosen in the plan, all there or nothing."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.provision.certifying import make_keys
from services.provision.domain import CertificateWish, Gateway, Layout, LayoutThing
from services.provision.plan import Plan, make_plan
from services.provision.service.mapping import Mapped
from shared.errors import Conflict, DomainError, Unavailable
from shared.pki import KeyKind, key_kind
from tests.unit.provision.world import ALICE, GATEWAY, LAYOUT, World

CERTIFIED = msgspec.structs.replace(
    LAYOUT,
    makes_certificates=True,
    certificate_ttl="2400h",
    things=(
        *LAYOUT.things,
        LayoutThing(name="bare", certificate=CertificateWish(issue=False)),
        LayoutThing(
            name="meter", certificate=CertificateWish(ttl="24h", key_type="ecdsa", key_bits=384)
        ),
    ),
)


async def map_certified(world: World) -> Mapped:
    return await world.map(GATEWAY, ALICE, CERTIFIED)


async def test_each_thing_that_wants_one_gets_a_certificate_and_its_key(world: World) -> None:
    answer = (await map_certified(world)).answer

    gateway, sensor, _, meter = [str(thing.id) for thing in answer.things]
    keys = {
        thing: load_pem_private_key(key.encode(), None) for thing, key in answer.client_key.items()
    }
    assert list(answer.client_cert) == list(answer.client_key) == [gateway, sensor, meter]
    assert answer.ca_cert == "authority"
    assert isinstance(keys[meter], ec.EllipticCurvePrivateKey)
    assert keys[meter].key_size == 384  # type: ignore[union-attr]
    (wanted,) = world.certificates.sets.values()
    for one in wanted.certificates:
        request = x509.load_pem_x509_csr(one.csr.encode())
        assert request.public_key() == keys[str(one.thing_id)].public_key()
    assert [one.ttl for one in wanted.certificates] == ["2400h", "2400h", "24h"]


async def test_the_config_carries_the_certificate_of_its_own_thing(world: World) -> None:
    answer = (await map_certified(world)).answer

    (config,) = world.configs.configs.values()
    gateway = str(answer.things[0].id)
    assert config.client_cert == answer.client_cert[gateway]
    assert config.client_key == answer.client_key[gateway]
    assert config.ca_cert == "authority"


async def test_a_config_whose_thing_wants_no_certificate_has_none(world: World) -> None:
    first, *others = CERTIFIED.things
    bare = msgspec.structs.replace(first, certificate=CertificateWish(issue=False))
    layout = msgspec.structs.replace(CERTIFIED, things=(bare, *others))

    answer = (await world.map(GATEWAY, ALICE, layout)).answer

    (config,) = world.configs.configs.values()
    assert (config.client_cert, config.client_key, config.ca_cert) == ("", "", "")
    assert len(answer.client_cert) == 2


async def test_without_certificates_nobody_is_asked_to_sign(world: World) -> None:
    world.certificates.fail("sign_set", Unavailable("not there"), times=10**6)
    world.certificates.fail("withdraw_set", Unavailable("not there"), times=10**6)
    world.configs.fail("apply_configs", Conflict("taken"))

    with pytest.raises(Conflict):
        await world.map(GATEWAY, ALICE)
    answer = (await world.map(GATEWAY, ALICE)).answer

    assert (answer.client_cert, answer.ca_cert) == ({}, "")
    assert world.journal.statuses() == ["undone", "active"]


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("users", "act_for_caller"),
        ("things", "apply_sets"),
        ("certificates", "sign_set"),
        ("configs", "apply_configs"),
    ],
)
@pytest.mark.parametrize("error", [Conflict("taken"), Unavailable("down")], ids=["refusal", "503"])
async def test_whichever_step_fails_for_good_no_certificate_is_left_either(
    world: World, service: str, call: str, error: DomainError
) -> None:
    getattr(world, service).fail(call, error, times=10**6)

    with pytest.raises(type(error)) as refused:
        await map_certified(world)

    assert refused.value is error
    assert world.is_empty()
    assert world.journal.statuses() == ["undone"]
    assert world.certificates.withdrawn == set(world.journal.mappings)


async def test_an_undo_goes_on_until_the_certificates_are_withdrawn(world: World) -> None:
    world.configs.fail("apply_configs", Conflict("taken"))
    world.certificates.fail("withdraw_set", Unavailable("down"), times=7)

    with pytest.raises(Conflict):
        await map_certified(world)

    assert world.is_empty()


async def test_a_repetition_shows_the_same_as_long_as_the_keys_are_kept(world: World) -> None:
    first = await map_certified(world)

    again = await map_certified(world)

    assert again.is_replay
    assert again.answer == first.answer


async def test_a_repetition_leaves_out_keys_that_were_wiped(world: World) -> None:
    first = await map_certified(world)
    await world.journal.wipe_keys(first.answer.things[0].id)

    again = await map_certified(world)

    assert again.answer.client_key == {}
    assert again.answer.client_cert == first.answer.client_cert
    assert again.answer.ca_cert == "authority"


async def test_a_repetition_shows_a_renewed_certificate_without_the_old_ones_key(
    world: World,
) -> None:
    first = await map_certified(world)
    mapping_id, wanted = next(iter(world.certificates.sets.items()))
    renewed, *others = wanted.certificates
    renewed = msgspec.structs.replace(renewed, serial="renewed")
    world.certificates.sets[mapping_id] = msgspec.structs.replace(
        wanted, certificates=[renewed, *others]
    )

    again = await map_certified(world)

    thing = str(renewed.thing_id)
    assert again.answer.client_cert[thing] == "certificate renewed"
    assert again.answer.client_key.keys() == first.answer.client_key.keys() - {thing}


def plan_for(layout: Layout) -> Plan:
    numbers = iter(range(1, 1000))
    serials = iter(range(1, 1000))
    new_id: Callable[[], UUID] = lambda: UUID(int=next(numbers))  # noqa: E731
    return make_plan(
        layout,
        Gateway(external_id="gateway", external_key="key"),
        owner_id=UUID(int=7),
        new_id=new_id,
        new_serial=lambda: f"serial {next(serials)}",
    )


def test_a_plan_chooses_serials_before_anything_is_made() -> None:
    plan = plan_for(CERTIFIED)

    assert [(one.thing, one.serial, one.csr) for one in plan.certificates] == [
        ("thing", "serial 1", ""),
        ("sensor", "serial 2", ""),
        ("meter", "serial 3", ""),
    ]
    assert plan.private_keys == {}
    assert plan_for(LAYOUT).certificates == []


def test_keys_are_of_the_kind_that_the_layout_says() -> None:
    (wanted, *_) = plan_for(CERTIFIED).certificates
    wanted = msgspec.structs.replace(wanted, key_kind=KeyKind("rsa", 2048))

    keys = make_keys([wanted])

    key = load_pem_private_key(keys.private_keys[wanted.thing_id].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (("", 0), ("ecdsa", 256)),
        (("ecdsa", 0), ("ecdsa", 256)),
        (("", 384), ("ecdsa", 384)),
        (("rsa", 0), ("rsa", 2048)),
        (("", 4096), ("rsa", 4096)),
    ],
)
def test_what_a_layout_leaves_open_of_a_key_is_filled_in(
    given: tuple[str, int], meant: tuple[str, int]
) -> None:
    assert key_kind(*given) == KeyKind(*meant)
