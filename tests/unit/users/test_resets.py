"""Where links lead, how mails look, and what becomes of those that cannot be sent."""

from __future__ import annotations

import re
from datetime import timedelta
from email.headerregistry import Address
from pathlib import Path
from typing import Any, cast

import jinja2
import pytest
from msgspec.structs import replace

from services.users.domain.logins import Login
from services.users.domain.resets import MailRefused, MalformedReferer, ResetMail
from services.users.mail import ResetLetter, SmtpMailer, mailer_of
from services.users.ports import ResetStore, UserStore
from services.users.service.guessing import AttemptLimit
from services.users.service.post import MOST_WAITING, Post
from services.users.service.resets import ResetService, base_of
from services.users.settings import Security, UsersSettings
from shared.errors import Unavailable
from shared.settings import SettingsError
from tests.unit.users.counts import Counts
from tests.unit.users.test_logins import ADDRESS, ALICE, DISABLED, NOW, CountingPasswords
from tests.waiting import eventually

SENDER = Address("Platform", addr_spec="platform@example.com")


def mail_to(recipient: str, name: str = "") -> ResetMail:
    return ResetMail(
        recipient=recipient,
        name=name,
        link="https://ui.example.com/reset-request?token=t&x=1",
        lifetime=timedelta(minutes=15),
    )


@pytest.mark.parametrize(
    ("referer", "base"),
    [
        ("https://ui.example.com", "https://ui.example.com"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("https://ui.example.com/app/?next=/x#y", "https://ui.example.com/app"),
        ("http://[::1]:9095/", "http://[::1]:9095"),
    ],
)
def test_links_begin_with_the_referer(referer: str, base: str) -> None:
    assert base_of(referer) == base


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "ui.example.com",
        "ftp://ui.example.com",
        "javascript:alert(1)",
        "https://",
        "https://bank.example.com@evil.example.com/",
        "https://ui.example.com/<script>",
        "https://ui.example.com/a b",
        "https://ui.example.com\\@evil.example.com",
        "https://ui.example.com:99999/",
        "https://[::1/",
        "https://üi.example.com/",
        f"https://ui.example.com/{'x' * 2048}",
    ],
)
def test_links_begin_with_nothing_else(referer: str) -> None:
    with pytest.raises(MalformedReferer):
        base_of(referer)


def test_text_and_page_say_the_same_and_only_the_page_is_escaped() -> None:
    message = ResetLetter(SENDER).write(mail_to("a@example.com", "A & <B>"))

    text, page = (
        part.get_content()
        for kind in ("plain", "html")
        if (part := message.get_body((kind,))) is not None
    )
    assert message["Subject"] == "Set a new password"
    assert "Hello A & <B>," in text
    assert "token=t&x=1" in text
    assert "Hello A &amp; &lt;B&gt;," in page
    assert "token=t&amp;x=1" in page
    assert "15 minutes" in text
    assert "15 minutes" in page


def test_the_link_stands_whole_in_the_file_of_a_mail() -> None:
    mail = replace(mail_to("a@example.com"), link=f"https://ui.example.com/?token={'t' * 200}")

    assert mail.link.encode() in bytes(ResetLetter(SENDER).write(mail))
    assert mail.link.encode() not in bytes(ResetLetter(SENDER).write(replace(mail, name="Ü")))


def test_hosts_are_written_in_punycode() -> None:
    message = ResetLetter(SENDER).write(mail_to("a@bücher.example"))

    assert message["To"] == "a@xn--bcher-kva.example"


def test_a_name_that_is_not_ascii_stays_as_it_is() -> None:
    message = ResetLetter(SENDER).write(mail_to("jörg@bücher.example"))

    assert "To: jörg@xn--bcher-kva.example\n".encode() in bytes(message)


@pytest.mark.parametrize(
    "recipient", ["a\r\nBcc: b@example.com", "a@example.com\nX: y", "ü\n@example.com", "@", ""]
)
def test_a_recipient_never_adds_headers(recipient: str) -> None:
    with pytest.raises(MailRefused):
        ResetLetter(SENDER).write(mail_to(recipient))


def test_a_template_of_the_operators_replaces_the_blocks(tmp_path: Path) -> None:
    template = tmp_path / "mine.html"
    template.write_text(
        "{% block subject %}S{% endblock %}{% block text %}{{ link }}{% endblock %}"
        "{% block html %}<p>{{ minutes }}</p>{% endblock %}"
    )

    message = ResetLetter(SENDER, template).write(mail_to("a@example.com"))

    assert message["Subject"] == "S"


def test_a_template_without_its_blocks_stops_the_start(tmp_path: Path) -> None:
    template = tmp_path / "mine.html"
    template.write_text("{% block text %}{% endblock %}")

    with pytest.raises(jinja2.TemplateError, match="html, subject"):
        ResetLetter(SENDER, template)


def test_a_template_that_asks_for_too_much_stops_the_start(tmp_path: Path) -> None:
    template = tmp_path / "mine.html"
    template.write_text(
        "{% block subject %}{{ secret }}{% endblock %}{% block text %}{% endblock %}"
        "{% block html %}{% endblock %}"
    )

    with pytest.raises(jinja2.TemplateError, match="secret"):
        ResetLetter(SENDER, template)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("email_from_address", "no address"),
        ("reset_template_file", "/nowhere.html"),
    ],
)
def test_wrong_mail_settings_are_named(variable: str, value: str) -> None:
    settings = UsersSettings(email_host="localhost", **{variable: value})  # type: ignore[arg-type]

    with pytest.raises(SettingsError, match=f"SMQ_USERS_{variable.upper()}"):
        mailer_of(settings)


@pytest.mark.parametrize(
    ("security", "port", "username", "expected"),
    [
        (Security.AUTO, 25, "", (False, None)),
        (Security.AUTO, 587, "me", (False, True)),
        (Security.AUTO, 465, "me", (True, False)),
        (Security.STARTTLS, 25, "", (False, True)),
        (Security.TLS, 25, "", (True, False)),
        (Security.NONE, 25, "me", (False, False)),
    ],
)
def test_a_password_goes_through_tls_unless_the_operator_says_otherwise(
    security: Security, port: int, username: str, expected: tuple[bool, bool | None]
) -> None:
    mailer = mailer_of(
        UsersSettings(
            email_host="localhost",
            email_port=port,
            email_security=security,
            email_username=username,
        )
    )

    assert isinstance(mailer, SmtpMailer)
    assert (mailer._use_tls, mailer._start_tls) == expected


class MoodyMailer:
    """Fails as told, then sends."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent: list[ResetMail] = []

    async def send(self, mail: ResetMail) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(mail)


async def written() -> ResetMail | None:
    return mail_to("a@example.com")


async def nothing() -> ResetMail | None:
    return None


async def drained(post: Post) -> None:
    async def is_empty() -> bool:
        return not post._tasks

    await eventually(is_empty, within_seconds=30)


async def test_a_mail_is_tried_again_until_it_is_sent() -> None:
    mailer = MoodyMailer(Unavailable("down"), Unavailable("still"))
    async with Post.open(mailer, pauses=(0.0, 0.0)) as post:
        post.add(written)
        await drained(post)

    assert len(mailer.sent) == 1


@pytest.mark.parametrize(
    "failures", [[MailRefused("550")], [Unavailable("a"), Unavailable("b"), Unavailable("c")]]
)
async def test_a_mail_nobody_takes_is_given_up(failures: list[Exception]) -> None:
    mailer = MoodyMailer(*failures)
    async with Post.open(mailer, pauses=(0.0, 0.0)) as post:
        post.add(written)
        await drained(post)

    assert (mailer.sent, mailer.failures) == ([], [])


async def test_the_end_waits_for_what_is_being_sent_and_for_nothing_else() -> None:
    mailer = MoodyMailer(Unavailable("down"))
    async with Post.open(mailer, pauses=(3600.0,)) as post:
        post.add(written)

    assert (mailer.sent, post._tasks) == ([], set())


async def test_too_many_waiting_mails_are_refused_whoever_they_are_for() -> None:
    async with Post.open(MoodyMailer()) as post:
        for _ in range(MOST_WAITING):
            post.add(nothing)

        with pytest.raises(Unavailable):
            post.add(nothing)


class Watched:
    """Users, links and mails in one, which notes what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def find_login(self, canonical: str) -> Login | None:
        self.calls.append("find_login")
        return {login.user.identity: login for login in (ALICE, DISABLED)}.get(canonical)

    async def insert(self, *_: Any, **__: Any) -> bool:
        self.calls.append("insert")
        return True

    async def send(self, mail: ResetMail) -> None:
        self.calls.append("send")


@pytest.mark.parametrize(
    ("email", "later"),
    [
        (ALICE.user.identity, ["insert", "send"]),
        (DISABLED.user.identity, []),
        ("nobody@example.com", []),
    ],
)
async def test_before_the_answer_the_same_is_done_for_every_address(
    email: str, later: list[str]
) -> None:
    watched = Watched()
    async with Post.open(watched) as post:
        service = ResetService(
            users=cast("UserStore", watched),
            resets=cast("ResetStore", watched),
            passwords=CountingPasswords(),
            post=post,
            requests=AttemptLimit(Counts(), 0),
            secret_rule=re.compile(""),
            base_url="",
            path="/reset-request",
            access_lifetime=timedelta(minutes=15),
            now=lambda: NOW,
            new_secret=lambda: "token",
        )

        await service.request(ADDRESS, email=email, referer="https://ui.example.com")

        assert watched.calls == ["find_login"]
        await drained(post)
        assert watched.calls == ["find_login", *later]
