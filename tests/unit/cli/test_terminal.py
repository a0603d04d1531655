"""On a terminal tables fit, and ids stay whole."""

from __future__ import annotations

import pytest

from cli.terminal import print_table, short

ID = "9dd12d93-21c9-4147-92fe-769386efb6cc"


def test_ids_are_never_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    print_table(["ID", "NAME"], [[ID, "a name that is far too long for a terminal [red]"]])

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "NAME"]
    assert row.startswith(f"{ID}  a name that is far")
    assert row.rstrip().endswith("…")


def test_times_are_short() -> None:
    assert short("2026-11-22T00:58:59.51053Z") == "2026-11-22 00:58:59"
    assert short("yesterday") == "yesterday"
