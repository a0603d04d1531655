"""A guide's commands as they are with TLS: one host for all services, and `--cacert`."""

import re

DOOR = "https://localhost:8443"
SERVICES = re.compile(r"http://localhost:(?:9000|9002|9013|9016)(?=/)")
STATUS = re.compile(r"^HTTP/1\.1 (\d{3}) .*$", re.MULTILINE)
# A page is run a second time on the same platform: by somebody else, for other gateways.
NEWCOMERS = (
    ("john.doe@email.com", "john.roe@email.com"),
    ("jane.doe@", "jane.roe@"),
    ("33:52:", "33:53:"),
    ("key of my app", "other key of my app"),
    ('"gateway"', '"other gateway"'),
    ("/bootstrap/gateway", "/bootstrap/other%20gateway"),
)


def through_front_door(page: str) -> str:
    """A page whose calls go to the front door, and whose answers are HTTP/2's."""
    for old, new in NEWCOMERS:
        page = page.replace(old, new)
    lines = [SERVICES.sub(DOOR, line) if "curl " in line else line for line in page.splitlines()]
    page = STATUS.sub(r"HTTP/2 \1", "\n".join(lines) + "\n")
    assert page.count("command curl ") == 1
    return page.replace("command curl ", "command curl --cacert .data/tls/ca.crt ")
