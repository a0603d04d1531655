"""Many at once: one of them wins, and nobody else is harmed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import ClientResponse

from tests.integration.users.conftest import (
    Account,
    Api,
    NewAccount,
    bearer,
    log_in,
    unique,
    user_body,
)
from tests.integration.users.groups import allow, new_group, page_of

MANY = 20


async def statuses(call: Callable[[int], Awaitable[ClientResponse]]) -> Counter[int]:
    """How often which status is answered when all call at once."""
    answers = await asyncio.gather(*(call(number) for number in range(MANY)))
    return Counter(answer.status for answer in answers)


ONE_WINS = Counter({200: 1, 409: MANY - 1})


async def test_one_of_many_disables_an_account_and_one_enables_it(
    users_api: Api, alice: Account, bob: Account, admin: Account
) -> None:
    path = f"/users/{alice.id}"

    disabled = await statuses(lambda _: users_api.post(f"{path}/disable", headers=admin.headers))
    enabled = await statuses(lambda _: users_api.post(f"{path}/enable", headers=admin.headers))

    assert (disabled, enabled) == (ONE_WINS, ONE_WINS)
    assert (await log_in(users_api, alice.identity)).status == 201
    assert (await users_api.get("/users/profile", headers=bob.headers)).status == 200


async def test_one_of_many_gets_an_identity_however_it_is_written(users_api: Api) -> None:
    identity = unique("race@example.com")

    answers = await statuses(
        lambda number: users_api.post(
            "/users", json=user_body(identity.upper() if number % 2 else identity)
        )
    )

    assert answers == Counter({201: 1, 409: MANY - 1})
    assert (await log_in(users_api, identity)).status == 201


async def test_one_of_two_accounts_takes_over_a_free_identity(
    users_api: Api, alice: Account, bob: Account
) -> None:
    identity = unique("wanted@example.com")
    people = [alice, bob]

    async def rename(number: int) -> ClientResponse:
        who = people[number % 2]
        return await users_api.patch(
            f"/users/{who.id}/identity", json={"identity": identity}, headers=who.headers
        )

    answers = await statuses(rename)

    names = [
        (await (await users_api.get("/users/profile", headers=who.headers)).json())["credentials"]
        for who in people
    ]
    assert answers == Counter({200: MANY // 2, 409: MANY // 2})
    assert [name["identity"] for name in names].count(identity) == 1


async def test_one_of_many_refreshes_a_token_and_the_login_goes_on(
    users_api: Api, alice: Account
) -> None:
    answers = await asyncio.gather(
        *(
            users_api.post("/users/tokens/refresh", headers=bearer(alice.refresh_token))
            for _ in range(MANY)
        )
    )

    [winner] = [answer for answer in answers if answer.status == 201]
    tokens = await winner.json()
    again = await users_api.post("/users/tokens/refresh", headers=bearer(tokens["refresh_token"]))
    assert [answer.status for answer in answers].count(401) == MANY - 1
    assert again.status == 201
    assert (await users_api.get("/users/profile", headers=alice.headers)).status == 200


async def test_one_of_many_gets_a_group_name_and_other_owners_get_it_too(
    users_api: Api, alice: Account, bob: Account
) -> None:
    people = [alice, bob]

    answers = await statuses(
        lambda number: users_api.post(
            "/groups", json={"name": "wanted"}, headers=people[number % 2].headers
        )
    )

    assert answers == Counter({201: 2, 409: MANY - 2})


async def test_one_of_many_disables_a_group(users_api: Api, alice: Account) -> None:
    path = f"/groups/{await new_group(users_api, alice)}"

    disabled = await statuses(lambda _: users_api.post(f"{path}/disable", headers=alice.headers))
    enabled = await statuses(lambda _: users_api.post(f"{path}/enable", headers=alice.headers))

    assert (disabled, enabled) == (ONE_WINS, ONE_WINS)


async def test_groups_moved_into_each_other_make_no_circle(users_api: Api, alice: Account) -> None:
    groups = [await new_group(users_api, alice, uuid4().hex) for _ in range(4)]

    def move(number: int) -> Awaitable[ClientResponse]:
        group, parent = groups[number % 4], groups[(number + 1) % 4]
        return users_api.put(f"/groups/{group}", json={"parent_id": parent}, headers=alice.headers)

    answers = await statuses(move)

    above = {
        group: (await page_of(users_api, f"/groups/{group}/parents", alice)) for group in groups
    }
    assert set(answers) == {200, 400}
    assert sorted(page["total"] for page in above.values()) == [1, 2, 3, 4]


async def test_policies_made_and_removed_at_once_are_there_or_not(
    users_api: Api, alice: Account, bob: Account
) -> None:
    group = await new_group(users_api, alice)
    path = f"/policies/{bob.id}/{group}"

    made = await statuses(lambda _: allow(users_api, alice, bob, group, "g_list"))
    page = await page_of(users_api, f"/policies?subject={bob.id}", alice)
    removed = await statuses(lambda _: users_api.delete(path, headers=alice.headers))

    assert made == Counter({201: MANY})
    assert page["total"] == 1
    assert removed == Counter({204: 1, 404: MANY - 1})
    assert (await users_api.get(f"/groups/{group}", headers=bob.headers)).status == 403


async def test_one_of_many_revokes_a_key(users_api: Api, alice: Account) -> None:
    made = await users_api.post(
        "/users/keys", json={"scopes": ["users:read"]}, headers=alice.headers
    )
    path = made.headers["Location"]

    answers = await statuses(lambda _: users_api.delete(path, headers=alice.headers))

    assert answers == Counter({204: 1, 404: MANY - 1})


async def test_one_of_many_makes_an_admin(
    users_api: Api, new_account: NewAccount, admin: Account
) -> None:
    carol = await new_account("carol@example.com")

    answers = await statuses(
        lambda _: users_api.patch(
            f"/users/{carol.id}/role", json={"role": "admin"}, headers=admin.headers
        )
    )

    assert answers == ONE_WINS
