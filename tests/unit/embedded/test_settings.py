"""The operator's variables in all their spellings."""

import pytest

from deploy.embedded.errors import InvalidSetting
from deploy.embedded.settings import Settings


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"SMQ_X": ""}, None),
        ({"MF_X": "r"}, "r"),
        ({"MF_X": "r", "MG_X": "g"}, "g"),
        ({"MF_X": "r", "MG_X": "g", "SMQ_X": "s"}, "s"),
    ],
)
def test_the_newest_spelling_wins(environment: dict[str, str], expected: str | None) -> None:
    assert Settings(environment).find("SMQ_X") == expected


def test_defaults_fill_only_what_is_not_set() -> None:
    settings = Settings({"PATH": "/bin", "SMQ_A": "set", "MF_B": "set"})

    assert settings.with_defaults({"SMQ_A": "d", "SMQ_B": "d", "SMQ_C": "d"}) == {
        "PATH": "/bin",
        "SMQ_A": "set",
        "MF_B": "set",
        "SMQ_C": "d",
    }


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "1.5", "٣", " 80"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="SMQ_PORT"):
        Settings({"SMQ_PORT": text}).port("SMQ_PORT", 80)


def test_a_port_has_a_default() -> None:
    assert Settings({}).port("SMQ_PORT", 80) == 80
    assert Settings({"SMQ_PORT": "65535"}).port("SMQ_PORT", 80) == 65535
