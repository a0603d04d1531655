"""Which members of what services answer are shown in tables, and which in CSV."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """How one kind of object is shown.

    Attributes:
        members: Name of the list in a page of them.
        columns: Of a table: dotted paths, with `heading=` before it if the last word is not it.
        more: Further columns of CSV, which has all that is stable.
        name: What `--output name` prints.
    """

    members: str
    columns: tuple[str, ...]
    more: tuple[str, ...] = ()
    name: str = "id"


USER = View(
    "users",
    ("id", "name", "identity=credentials.identity", "status", "created_at"),
    ("tags", "owner", "metadata", "updated_at", "updated_by"),
)
MEMBER = View("members", USER.columns, USER.more)
KEY = View(
    "keys",
    ("id", "name", "scopes", "expires_at", "last_used_at", "created_at"),
    ("key",),
)
GROUP = View(
    "groups",
    ("id", "name", "description", "parent_id", "status", "created_at"),
    ("owner_id", "level", "path", "metadata", "updated_at", "updated_by"),
)
MEMBERSHIP = View("memberships", GROUP.columns, GROUP.more)
POLICY = View(
    "policies",
    ("subject", "object", "actions", "created_at"),
    ("owner_id", "updated_at", "updated_by"),
    name="subject",
)
THING = View(
    "things",
    ("id", "name", "tags", "status", "created_at"),
    ("key", "owner", "metadata", "updated_at", "updated_by"),
)
CHANNEL = View(
    "channels",
    ("id", "name", "status", "created_at"),
    ("owner_id", "description", "parent_id", "metadata", "updated_at", "updated_by"),
)
CONFIG = View(
    "configs",
    ("thing_id", "external_id", "name", "state", "last_fetch=last_fetch.time"),
    ("external_key", "thing_key", "content"),
    name="thing_id",
)
MAPPING = View(
    "mappings",
    ("external_id", "status", "name", "layout", "updated_at"),
    ("id", "reason", "things", "channels", "created_at"),
    name="external_id",
)
MAPPED = View(
    "mappings",
    ("thing_id=things.0.id", "thing_key=things.0.key"),
    ("things", "channels"),
    name="things.0.id",
)
LAYOUT = View("layouts", ("name", "version", "things", "channels", "source"), name="name")
CERTIFICATE = View("certs", ("serial=cert_serial", "thing_id", "expiration"), name="cert_serial")
HEALTH = View(
    "services", ("service", "status", "version", "address"), ("instance_id",), name="service"
)
PROFILE = View("profiles", ("current", "name", "identity", "address"), ("ca_cert",), name="name")
