"""Which process is ours."""

import pytest

from deploy.embedded import identity
from deploy.embedded.identity import Identity

COMMAND = ("/bin/nginx", "-c", "/data/nginx.conf")


@pytest.mark.parametrize(
    ("shown", "ours"),
    [
        (COMMAND, True),
        (("python", "launch.py", "1", "15", "-", "-", "--", *COMMAND), True),
        # As nginx calls itself: one text, and what is left of the old one behind it.
        (("nginx: master process /bin/nginx -c /data/nginx.conf", "", ""), True),
        (("/bin/nginx", "-c", "/data/nginx.conf.old"), False),
        (("/bin/sleep", "100"), False),
        ((), False),
    ],
)
def test_a_process_is_ours_by_the_end_of_its_command_line(
    shown: tuple[str, ...], ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "started_at", lambda _pid: 42)
    monkeypatch.setattr(identity, "command_line", lambda _pid: shown)

    assert Identity(pid=1, started=42, command=COMMAND).alive() is ours
    assert not Identity(pid=1, started=41, command=COMMAND).alive()
