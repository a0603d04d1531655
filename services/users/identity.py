"""When a login name is an e-mail address, and when two of them are the same.

The rule is the documented one and narrower than RFC 5322: no quoted local parts, no address
literals, no comments.
"""

from __future__ import annotations

import re

import idna

from services.users.domain.accounts import MalformedIdentity

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[!-~]+")  # printable and not blank
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # those that IDNA takes for dots
_MAX_LOCAL = 64
_MAX_HOST = 255
_MAX_LAST_LABEL = 24
_MAX_TYPED = 1024


def canonical_identity(typed: str) -> str:
    """The form in which two spellings of one address are equal: punycode, in small letters.

    Raises:
        MalformedIdentity: Not an e-mail address.
    """
    parts = typed.split("@")
    if len(typed) > _MAX_TYPED or len(parts) != 2:
        raise MalformedIdentity
    try:
        local = ".".join(_punycode(label) for label in parts[0].split("."))
        host = ".".join(_host_label(label) for label in _DOTS.split(parts[1]))
    except UnicodeError:
        raise MalformedIdentity from None
    if not (_is_local_part(local) and _is_host(host)):
        raise MalformedIdentity
    return f"{local}@{host}".lower()


def _is_local_part(local: str) -> bool:
    return len(local) <= _MAX_LOCAL and _LOCAL.fullmatch(local) is not None


def _is_host(host: str) -> bool:
    labels = host.split(".")
    return (
        len(labels) >= 2
        and len(host) <= _MAX_HOST
        and len(labels[-1]) <= _MAX_LAST_LABEL
        and all(map(_LABEL.fullmatch, labels))
    )


def _host_label(label: str) -> str:
    return label if label.isascii() else idna.encode(label, uts46=True).decode()


def _punycode(label: str) -> str:
    """As a host's label, but characters that only local parts have are let through."""
    if label.isascii():
        return label
    return "xn--" + idna.uts46_remap(label, std3_rules=False).encode("punycode").decode()
