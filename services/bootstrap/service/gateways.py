"""What gateways may do: fetch their config."""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Callable

import msgspec

from services.bootstrap.domain import (
    DELIVERED,
    KEPT_BACK,
    REFUSED,
    Config,
    ExternalKeyWrong,
    Fetch,
    GatewayUnknown,
    SealedKeyUnreadable,
    gateway_order,
)
from services.bootstrap.ports import GatewayConfigs, Now
from services.bootstrap.service.cipher import FetchCipher
from services.bootstrap.service.fetches import FETCHES, FetchLog
from services.bootstrap.service.guessing import GuessingGuard
from shared.contracts.bootstrap import State


class GatewayService:
    """Hands configs out.

    Args:
        require_active: Whether an inactive config is kept back.
    """

    def __init__(
        self,
        configs: GatewayConfigs,
        cipher: FetchCipher,
        guard: GuessingGuard,
        log: FetchLog,
        *,
        require_active: bool,
        now: Now,
    ) -> None:
        self._configs = configs
        self._cipher = cipher
        self._guard = guard
        self._log = log
        self._require_active = require_active
        self._now = now

    async def fetch(self, external_id: str, external_key: bytes, address: str) -> Config:
        """The config of the gateway that has this id and presents this key.

        Its channels stand in the order in which Agents look for them.

        Args:
            external_key: As it came over the wire; keys are compared as UTF-8.
            address: Where the gateway is.

        Raises:
            TooManyRequests: This address has failed with this id too often.
            GatewayUnknown: No config has this id, or it is inactive and that matters.
            ExternalKeyWrong: The config has another key.

        Events: `ConfigFirstFetched`, within a second; `ConfigFetchRefused`, if many have failed.
        """
        return await self._hand_out(external_id, address, lambda: external_key)

    async def fetch_sealed(self, external_id: str, sealed_key: bytes, address: str) -> Config:
        """The same for a gateway that presents its key encrypted, in hexadecimal digits.

        Raises:
            TooManyRequests: See `fetch`.
            GatewayUnknown: See `fetch`; this is checked before the key.
            SealedKeyUnreadable: Those are not hexadecimal digits.
            ExternalKeyWrong: They are not the config's key, encrypted.
        """
        return await self._hand_out(external_id, address, lambda: self._opened(sealed_key))

    def seal(self, answer: bytes) -> bytes:
        """Encrypt the answer to a gateway that fetches securely."""
        return self._cipher.encrypt(answer)

    async def _hand_out(
        self, external_id: str, address: str, external_key: Callable[[], bytes]
    ) -> Config:
        await self._guard.admit(address, external_id)
        config = await self._configs.find_by_external_id(external_id)
        if config is None:
            FETCHES.labels(REFUSED).inc()
            await self._guard.note_failure(address, external_id, None)
            raise GatewayUnknown
        is_kept_back = self._require_active and config.state is not State.ACTIVE
        try:
            _require_key(config, external_key())
        except (ExternalKeyWrong, SealedKeyUnreadable):
            self._note(config, address, REFUSED)
            await self._guard.note_failure(address, external_id, config)
            if is_kept_back:  # nobody learns that it is there
                raise GatewayUnknown from None
            raise
        if is_kept_back:
            self._note(config, address, KEPT_BACK)
            raise GatewayUnknown
        self._note(config, address, DELIVERED)
        return msgspec.structs.replace(config, channels=gateway_order(config.channels))

    def _note(self, config: Config, address: str, result: str) -> None:
        self._log.note(config.thing_id, Fetch(at=self._now(), address=address, result=result))

    def _opened(self, sealed_key: bytes) -> bytes:
        try:
            message = binascii.unhexlify(sealed_key)
        except binascii.Error:
            raise SealedKeyUnreadable from None
        try:
            return self._cipher.decrypt(message)
        except ValueError:
            raise ExternalKeyWrong from None


def _require_key(config: Config, external_key: bytes) -> None:
    if not hmac.compare_digest(config.external_key.encode(), external_key):
        raise ExternalKeyWrong
