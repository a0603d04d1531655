"""Where a request comes from, also behind a proxy."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

from shared.settings import SettingsError

Network = IPv4Network | IPv6Network
TRUSTED_PROXIES: web.AppKey[tuple[Network, ...]] = web.AppKey("trusted_proxies", tuple)


def trusted_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas; raises SettingsError."""
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingsError([f"SMQ_TRUSTED_PROXIES is malformed: {error}"]) from None


def client_address(request: web.Request) -> str:
    """The address of the client; that of the last stranger, if proxies of ours passed it on.

    What `X-Forwarded-For` says is believed as far as trusted proxies wrote it: from the right.
    """
    trusted = request.app[TRUSTED_PROXIES]
    address = request.remote or ""
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while hops and _is_trusted(address, trusted):
        hop = hops.pop().strip()
        if _parsed(hop) is None:
            break
        address = hop
    parsed = _parsed(address)
    return address if parsed is None else str(parsed)


def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both families shows IPv4 peers as `::ffff:192.0.2.1`.
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
