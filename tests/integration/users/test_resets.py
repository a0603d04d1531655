"""Forgotten passwords: a link by mail, good once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import encode_basic_auth

from services.users.handlers.resets import RESETS
from tests.fixtures.services import SERVICE_SECRETS
from tests.integration.users.conftest import (
    SECRET,
    Account,
    Api,
    ToldAbout,
    account_of,
    bearer,
    log_in,
    sign_up,
)
from tests.integration.users.mail import (
    NEW,
    UI,
    MailServer,
    ask,
    link_in,
    reset,
    token_in,
)
from tests.waiting import eventually


async def test_a_forgotten_password_is_replaced_by_the_link_in_a_mail(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    asked = await ask(mailing_api, "carol@EXAMPLE.com")
    mail = await mail_server.first()

    done = await reset(mailing_api, token_in(mail))

    assert (asked.status, done.status) == (201, 201)
    assert await asked.json() == {"msg": "Email with reset link is sent"}
    assert await done.json() == {}
    assert mail_server.recipients == ["Carol@example.com"]
    assert (mail["From"], mail["To"]) == (
        "The platform <platform@example.com>",
        "Carol@example.com",
    )
    assert link_in(mail).startswith(f"{UI}/reset-request?token=")
    page = mail.get_body(("html",))
    assert page is not None
    assert "Carol &lt;b&gt;" in page.get_content()
    assert (await log_in(mailing_api, carol.identity)).status == 401
    assert (await log_in(mailing_api, carol.identity, NEW)).status == 201


async def test_a_reset_ends_all_logins_and_all_other_links(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    for _ in range(2):
        await ask(mailing_api, carol.identity)

    async def both() -> bool:
        return len(mail_server.mails) == 2

    await eventually(both, within_seconds=30)
    first, second = map(token_in, mail_server.mails)
    assert (await reset(mailing_api, first)).status == 201

    again = [(await reset(mailing_api, token, "third secret")).status for token in (first, second)]
    profile = await mailing_api.get("/users/profile", headers=carol.headers)
    refresh = await mailing_api.post("/users/tokens/refresh", headers=bearer(carol.refresh_token))

    assert (again, profile.status, refresh.status) == ([401, 401], 401, 401)
    later = await account_of(mailing_api, carol.identity, NEW)
    assert later.id == carol.id


async def test_a_reset_is_told_and_stands_in_the_feed_of_what_no_longer_counts(
    mailing_api: Api, carol: Account, mail_server: MailServer, told_about: ToldAbout
) -> None:
    await ask(mailing_api, carol.identity)
    token = token_in(await mail_server.first())
    await reset(mailing_api, token)
    await reset(mailing_api, token)

    told = await told_about(carol.id, 2)
    login = {"Authorization": encode_basic_auth("things", SERVICE_SECRETS["things"])}
    feed = await (await mailing_api.get("/internal/revocations", headers=login)).json()

    assert [subject for subject, _ in told] == ["user.created", "user.secret_changed"]
    assert [(entry["kind"], entry["id"]) for entry in feed["revocations"]] == [("user", carol.id)]


async def test_one_of_many_at_once_uses_the_link(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    await ask(mailing_api, carol.identity)
    token = token_in(await mail_server.first())

    answers = await asyncio.gather(
        *(reset(mailing_api, token, f"secret number {number}") for number in range(10))
    )

    statuses = [answer.status for answer in answers]
    assert sorted(statuses) == [201] + [401] * 9
    winner = f"secret number {statuses.index(201)}"
    assert (await log_in(mailing_api, carol.identity, winner)).status == 201


async def test_a_refused_reset_changes_nothing_and_leaves_the_link(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    await ask(mailing_api, carol.identity)
    token = token_in(await mail_server.first())
    cases: list[tuple[dict[str, Any], int]] = [
        ({"token": ""}, 400),
        ({"password": ""}, 400),
        ({"confirm_password": ""}, 400),
        ({"confirm_password": f"{NEW}!"}, 400),
        ({"password": "short", "confirm_password": "short"}, 400),
        ({"password": "a" * 73, "confirm_password": "a" * 73}, 400),
        ({"password": 5}, 400),
        ({"token": token[:-1]}, 401),
        ({"token": carol.token}, 401),
        ({"token": carol.refresh_token}, 401),
    ]

    for change, status in cases:
        assert (await reset(mailing_api, token, change=change)).status == status, change
    assert (await mailing_api.put("/password/reset", json={})).status == 400
    assert (await mailing_api.put("/password/reset", data=b"{}")).status == 415
    as_bearer = await mailing_api.get("/users/profile", headers=bearer(token))

    assert as_bearer.status == 401
    assert (await log_in(mailing_api, carol.identity)).status == 201
    assert (await reset(mailing_api, token)).status == 201


async def test_a_link_dies_with_any_change_of_what_lets_its_owner_in(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    await ask(mailing_api, carol.identity)
    token = token_in(await mail_server.first())
    change = {"old_secret": SECRET, "new_secret": "remembered it"}
    await mailing_api.patch("/users/secret", json=change, headers=carol.headers)

    assert (await reset(mailing_api, token)).status == 401
    assert (await log_in(mailing_api, carol.identity, "remembered it")).status == 201


async def test_a_link_dies_when_its_owner_leaves_the_address_it_was_sent_to(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    await ask(mailing_api, carol.identity)
    token = token_in(await mail_server.first())
    change = {"identity": "carol@elsewhere.example.com"}
    await mailing_api.patch(f"/users/{carol.id}/identity", json=change, headers=carol.headers)

    assert (await reset(mailing_api, token)).status == 401
    assert (await log_in(mailing_api, change["identity"])).status == 201


async def test_a_link_lives_a_quarter_of_an_hour(
    mailing_api: Api,
    carol: Account,
    mail_server: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert mailing_api.app is not None
    service = mailing_api.app[RESETS]
    await ask(mailing_api, carol.identity)
    token = token_in(await mail_server.first())
    now = service._now
    monkeypatch.setattr(service, "_now", lambda: now() + timedelta(minutes=15))
    late = await reset(mailing_api, token)
    monkeypatch.setattr(service, "_now", lambda: now() + timedelta(minutes=14))
    in_time = await reset(mailing_api, token)

    assert (late.status, in_time.status) == (401, 201)


async def test_who_asks_learns_nothing_and_who_has_no_account_gets_no_mail(
    mailing_api: Api, carol: Account, mail_server: MailServer
) -> None:
    disabled = await sign_up(mailing_api, "disabled@example.com")
    await mailing_api.post(f"/users/{disabled.id}/disable", headers=disabled.headers)

    answers = [
        await ask(mailing_api, address)
        for address in ("nobody@example.com", "no address", disabled.identity, carol.identity)
    ]

    await mail_server.first()
    bodies = [(answer.status, await answer.json()) for answer in answers]
    assert bodies == [(201, {"msg": "Email with reset link is sent"})] * 4
    assert mail_server.recipients == [carol.identity]


async def test_a_request_is_refused_for_what_is_wrong_with_it(mailing_api: Api) -> None:
    path, headers = "/password/reset-request", {"Referer": UI}
    bodies: list[Any] = [{}, {"email": ""}, {"email": 1}, {"email": "a\0@example.com"}, []]

    statuses = [
        (await mailing_api.post(path, json=body, headers=headers)).status for body in bodies
    ]
    nowhere = [
        (await ask(mailing_api, "nobody@example.com", referer)).status
        for referer in ("", "ui.example.com")
    ]
    no_json = await mailing_api.post(path, data=b"{}", headers=headers)

    assert (statuses, nowhere, no_json.status) == ([400] * 5, [400, 400], 415)
