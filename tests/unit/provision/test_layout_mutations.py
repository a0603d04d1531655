"""Broken files of every kind: the linter answers, and says what the start says."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.provision.domain import Gateway, LayoutError
from services.provision.layout.files import read_configuration
from services.provision.layout.lint import lint
from services.provision.plan import make_plan
from services.provision.settings import ProvisionSettings
from tests.unit.provision.test_layout_corpus import FAULTY, GOOD
from tests.unit.provision.test_plan import OWNER, counting

TEXTS = [file.read_text(encoding="utf-8", errors="replace") for file in [*GOOD, *FAULTY]]
PIECES = ["[", "]", "[[things]]\n", "{", "}", '"', "\n", "=", "${", "\\", "[bootstrap]\n", "# ",
          "true", "1", "nan", "\u00e9", "'''", ".", ",", "template = true\n"]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A file of the corpus after a few slips of the hand."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 0, 1, 5, 40])))
        text = text[:start] + draw(st.sampled_from(["", *PIECES])) + text[end:]
    data = text.encode()
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(data)))
        data = data[:place] + draw(st.binary(max_size=4)) + data[place:]
    return data


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SMQ_PROVISION_LAYOUT_DIR", "SMQ_PROVISION_CONFIG_FILE"):
        monkeypatch.delenv(variable, raising=False)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=mutated())
def test_the_linter_and_the_start_agree_on_any_file(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(data)
    output = StringIO()

    code = lint([str(file)], output)

    problems: list[str] = []
    try:
        layout = read_configuration(ProvisionSettings(config_file=str(file))).layout
    except LayoutError as error:
        problems = error.problems
    else:
        gateway = Gateway(external_id="id", external_key="key", name="name")
        make_plan(layout, gateway, owner_id=OWNER, new_id=counting())
    assert code == (1 if problems else 0)
    assert all(problem in output.getvalue() for problem in problems)
