"""Commands of a document and of a guide are the same but for what an installation changes."""

import pytest

from tests.e2e.commands import commands_of_text, is_cut_by_shell, missing_in_order, normalise

ID = "9dd12d93-21c9-4147-92fe-769386efb6cc"


def test_commands_are_found_among_prose_and_answers() -> None:
    text = """\
To make a call:

curl -s https://localhost/things
HTTP/2 200
name = "thing"
USER_TOKEN=<access_token>
SMQ_ONE=1 \\
SMQ_TWO=2 \\
build/supermq-provision
make
make sure of it
"""

    assert commands_of_text(text.splitlines()) == [
        "curl -s https://localhost/things",
        "USER_TOKEN=<access_token>",
        "SMQ_ONE=1 SMQ_TWO=2 build/supermq-provision",
        "make",
    ]


@pytest.mark.parametrize(
    ("document", "guide"),
    [
        (
            "curl -s --cacert docker/ca.crt --insecure https://localhost/things",
            "curl -s http://localhost:9000/things",
        ),
        (
            f"curl https://localhost/things/{ID}/disable",
            "curl http://localhost:9000/things/$THING_ID/disable",
        ),
        ("curl https://localhost/things/<thing_id>", "curl http://localhost:9000/things/${A}"),
        ('curl -H "Authorization: Bearer <token|api_key>"', 'curl -H "Authorization: Bearer $T"'),
        ("TOKEN=eyJhbGci.eyJleHAi._vq0z-J", "TOKEN=$(answered access_token)"),
        (
            'curl -d \'{"email":"", "password":"123"}\'',
            'curl -d \'{"email": "jane@example.com", "password": "123"}\'',
        ),
        (
            'curl -d \'{"thing_ids":["<thing_id>", "<thing_id>"]}\'',
            'curl -d "{\\"thing_ids\\":[\\"$A\\",\\"$B\\"]}"',
        ),
        ("cli users create a@b.c", "cli users create d@e.f"),
        ("docker-compose -f docker/x/docker-compose.yml", "docker-compose -f docker-compose.yml"),
        ('curl h?name="weio"', "curl h?name=weio"),
        ('curl http://h/things?name="weio"', "curl 'http://h/things?name=\"weio\"'"),
        ("curl  -s   url", "curl -s url # as printed"),
    ],
)
def test_what_an_installation_changes_is_left_aside(document: str, guide: str) -> None:
    assert normalise(document) == normalise(guide)


@pytest.mark.parametrize(
    ("document", "guide"),
    [
        ("curl -s url", "curl url"),
        ("curl -s -S url", "curl -S -s url"),
        ("curl http://h/things", "curl http://h/channels"),
        ("curl http://h/things?limit=5", "curl http://h/things?limit=6"),
        ("curl http://h/things?offset=0&limit=5", "curl http://h/things?offset=0"),
        ('curl -H "Authorization: Bearer $T"', 'curl -H "Authorization: $T"'),
        ('curl -H "Authorization: Thing external_key"', 'curl -H "Authorization: Thing key"'),
        ("curl -X PUT url", "curl -X POST url"),
        ('curl -d \'{"name":"weio"}\'', 'curl -d \'{"name":"bob"}\''),
        ('curl -d \'{"name":"weio"}\'', 'curl -d \'{"name":"weio","key":"1"}\''),
        ('curl -d \'[{"name":"a"},{"name":"b"}]\'', 'curl -d \'[{"name":"b"},{"name":"a"}]\''),
        ("SMQ_PROVISION_USER=a build/x", "SMQ_PROVISION_NAME=a build/x"),
        ("cli users create a@b.c 12345678", "cli users create a@b.c 1234"),
    ],
)
def test_everything_else_has_to_be_as_printed(document: str, guide: str) -> None:
    assert normalise(document) != normalise(guide)


@pytest.mark.parametrize(
    ("command", "cut"),
    [
        ("curl -s http://h/things?offset=0&limit=5", True),
        ('curl http://h/things?offset=0&limit=5&name="weio"', True),
        ("curl -s 'http://h/things?offset=0&limit=5'", False),
        ('curl -s "http://h/things?offset=0&limit=5"', False),
        ('curl -d \'{"a": "b & c"}\' http://h/things', False),
        ("curl http://h/things", False),
    ],
)
def test_an_ampersand_outside_quotes_cuts_a_command(command: str, cut: bool) -> None:
    assert is_cut_by_shell(command) is cut


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        ("abc", ""),
        ("xaybzc", ""),
        ("ab", "c"),
        ("acb", "c"),
        ("", "abc"),
        ("bc", "a"),
    ],
)
def test_commands_have_to_be_shown_in_their_order(shown: str, missing: str) -> None:
    wanted = [(letter,) for letter in "abc"]

    assert missing_in_order(wanted, [(letter,) for letter in shown]) == [
        (letter,) for letter in missing
    ]
