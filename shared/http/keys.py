"""API keys, which only users can check: its verdicts are remembered until they are revoked."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from msgspec import Struct

from shared.contracts.users import KEY_PREFIX, KeyVerdictBody
from shared.errors import Unauthenticated, Unavailable
from shared.http.auth import Caller, RevocationSource, TokenVerifier

_MAX_VERDICTS = 10_000
_MAX_CHARACTERS = 200
_GOOD_SECONDS = 60.0  # then users is asked again, which also tells it that the key is in use
_BAD_SECONDS = 5.0

Introspect = Callable[[str], Awaitable[KeyVerdictBody]]


class _Verdict(Struct, frozen=True):
    """What users said of a key, None if it is not good."""

    caller: Caller | None
    asked_at: float
    expires_at: float


class KeyVerifier:
    """Asks users about API keys.

    Args:
        introspect: Raises Unavailable when users does not answer; then what is known stays.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        introspect: Introspect,
        revocations: RevocationSource,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._introspect = introspect
        self._revocations = revocations
        self._clock = clock
        self._verdicts: OrderedDict[str, _Verdict] = OrderedDict()

    async def verify(self, token: str) -> Caller:
        """Tell who presents a key.

        Raises:
            Unauthenticated: It is none, has expired or was revoked.
            Unavailable: It is not known here, and users does not answer.
        """
        if len(token) > _MAX_CHARACTERS:
            raise Unauthenticated
        verdict = self._verdicts.get(token)
        now = self._clock()
        if verdict is None or not self._holds(verdict, now):
            verdict = await self._ask(token, verdict, now)
        caller = verdict.caller
        if caller is None or verdict.expires_at <= now or self._revocations.has_ended(caller):
            raise Unauthenticated
        return caller

    def _holds(self, verdict: _Verdict, now: float) -> bool:
        """Whether a verdict need not be asked for again."""
        seconds = _BAD_SECONDS if verdict.caller is None else _GOOD_SECONDS
        return verdict.asked_at + seconds > now and not self._is_doubtful(verdict)

    def _is_doubtful(self, verdict: _Verdict) -> bool:
        """Whether the account was disabled, or something like it, since users was asked."""
        caller = verdict.caller
        return caller is not None and self._revocations.epoch_of(caller.user_id) > caller.epoch

    async def _ask(self, token: str, known: _Verdict | None, now: float) -> _Verdict:
        try:
            if known is None:
                await self._revocations.require_fresh()
            body = await self._introspect(token)
        except Unavailable:
            if known is None or known.caller is None or self._is_doubtful(known):
                raise
            return known
        verdict = _Verdict(
            caller=_caller(body, token),
            asked_at=now,
            expires_at=float("inf") if body.expires_at is None else body.expires_at,
        )
        self._verdicts[token] = verdict
        self._verdicts.move_to_end(token)
        if len(self._verdicts) > _MAX_VERDICTS:
            self._verdicts.popitem(last=False)
        return verdict


class TokensAndKeys:
    """Tells an API key from a token, and has each checked by who can."""

    def __init__(self, tokens: TokenVerifier, keys: TokenVerifier) -> None:
        self._tokens = tokens
        self._keys = keys

    async def verify(self, token: str) -> Caller:
        """See TokenVerifier."""
        verifier = self._keys if token.startswith(KEY_PREFIX) else self._tokens
        return await verifier.verify(token)


def _caller(body: KeyVerdictBody, token: str) -> Caller | None:
    if not body.active or body.user_id is None or body.key_id is None:
        return None
    return Caller(
        user_id=body.user_id,
        identity=body.identity,
        is_admin=body.role == "admin",
        scopes=frozenset(body.scopes),
        is_key=True,
        epoch=body.epoch,
        key_id=body.key_id,
        token=token,
    )
