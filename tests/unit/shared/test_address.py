"""Whose address counts, with and without proxies in between."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from shared.http.address import TRUSTED_PROXIES, client_address, trusted_networks
from shared.settings import SettingsError


def address(peer: str, *forwarded: str, trusted: str = "") -> str:
    app = web.Application()
    app[TRUSTED_PROXIES] = trusted_networks(trusted)
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    request = make_mocked_request("GET", "/", headers=headers, app=app)
    return client_address(request.clone(remote=peer))


def test_without_trusted_proxies_the_peer_counts_whatever_it_says() -> None:
    assert address("192.0.2.1", "198.51.100.7") == "192.0.2.1"


def test_a_trusted_proxy_is_believed() -> None:
    assert address("10.0.0.2", "198.51.100.7", trusted="10.0.0.0/8, ::1") == "198.51.100.7"


def test_what_a_stranger_put_before_the_proxies_words_is_not_believed() -> None:
    assert address("10.0.0.2", "1.1.1.1, 198.51.100.7", trusted="10.0.0.2") == "198.51.100.7"
    assert address("10.0.0.2", "1.1.1.1", "198.51.100.7", trusted="10.0.0.2") == "198.51.100.7"


def test_a_chain_of_trusted_proxies_is_followed() -> None:
    assert address("10.0.0.2", "198.51.100.7, 10.0.0.3", trusted="10.0.0.0/8") == "198.51.100.7"


@pytest.mark.parametrize("value", ["", "unknown", "198.51.100.7:4711, nobody"])
def test_a_header_without_an_address_leaves_the_proxys(value: str) -> None:
    assert address("10.0.0.2", value, trusted="10.0.0.2") == "10.0.0.2"


def test_one_address_in_two_families_is_one() -> None:
    assert address("::ffff:192.0.2.1") == "192.0.2.1"
    assert address("::ffff:10.0.0.2", "::ffff:198.51.100.7", trusted="10.0.0.2") == "198.51.100.7"


def test_a_malformed_network_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="SMQ_TRUSTED_PROXIES is malformed"):
        trusted_networks("10.0.0.0/8,everybody")
