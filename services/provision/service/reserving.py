"""Mapping ids chosen in advance, and the tokens with which provision makes those mappings.

A token names the mappings it is good for (docs/adr/0018-ids-reserved-in-advance.md). Ids that are
not in use yet cost nothing, so one exchange serves the mappings of the next minute.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from msgspec import Struct

from services.provision.ports import Users
from shared.coalescing import Coalescer
from shared.contracts.users import LARGEST_EXCHANGE
from shared.errors import DomainError, Unavailable
from shared.http.auth import Caller

logger = structlog.get_logger(__name__)

_OWN_FAULTS = ("unknown_service", "grant_refused")
_REMEMBERED_CALLERS = 1024


class Block:
    """Ids for mappings of one caller, all named by one token.

    Args:
        exchange: Gets the token for a block, and gives it to it.
    """

    def __init__(
        self, caller_token: str, ids: list[UUID], exchange: Callable[[Block], Awaitable[str]]
    ) -> None:
        self.caller_token = caller_token
        self.size = len(ids)
        self.scope = " ".join(f"mapping:{mapping_id}" for mapping_id in ids)
        self._ids = ids
        self._exchange = exchange
        self._token = ""
        self._closes_at = float("inf")

    def take(self) -> UUID:
        """An id that nobody has yet."""
        return self._ids.pop()

    def is_open(self, now: float) -> bool:
        """Whether a mapping that begins now can have one, and the token until its deadline."""
        return bool(self._ids) and now < self._closes_at

    def is_used_up(self) -> bool:
        """Whether more would have been needed."""
        return not self._ids

    def give(self, token: str, closes_at: float) -> None:
        """The token is there; from `closes_at` on, no mapping may begin with it."""
        self._token, self._closes_at = token, closes_at

    def has_token(self) -> bool:
        """Whether it needs to be asked for no more."""
        return bool(self._token)

    async def token(self) -> str:
        """What mappings of this block are made with.

        Raises:
            Unauthenticated: The caller's token is not good.
            Unavailable: Users does not answer, or does not accept provision.
        """
        return self._token or await self._exchange(self)


class Reserved(Struct, frozen=True):
    """A mapping's id, and the block it is from."""

    mapping_id: UUID
    block: Block


class Reservations:
    """Chooses mapping ids: one for who maps one gateway, ever more for who maps many.

    Args:
        deadline: How long a mapping may need its token.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        users: Users,
        *,
        new_id: Callable[[], UUID],
        deadline: timedelta,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._users = users
        self._new_id = new_id
        self._deadline_seconds = deadline.total_seconds()
        self._clock = clock
        self._blocks: OrderedDict[str, Block] = OrderedDict()
        # Who asks for a block's token at the same time shares the call, and its failure.
        self._exchanges: Coalescer[Block, str, str] = Coalescer(self._exchange)

    def reserve(self, caller: Caller) -> Reserved:
        """An id for a mapping that begins now."""
        block = self._blocks.get(caller.token)
        if block is None or not block.is_open(self._clock()):
            block = self._blocks[caller.token] = self._next_block(caller, block)
            while len(self._blocks) > _REMEMBERED_CALLERS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(caller.token)
        return Reserved(block.take(), block)

    def _next_block(self, caller: Caller, before: Block | None) -> Block:
        size = 1
        if before is not None and before.is_used_up():
            size = min(2 * before.size, LARGEST_EXCHANGE)
        ids = [self._new_id() for _ in range(size)]
        return Block(caller.token, ids, lambda block: self._exchanges.call(block, ""))

    async def _exchange(self, block: Block, waiting: Sequence[str]) -> list[str]:
        if not block.has_token():
            asked_at = self._clock()
            try:
                acting = await self._users.act_for_caller(block.caller_token, block.scope)
            except DomainError as error:
                if error.code not in _OWN_FAULTS:
                    raise
                logger.error(  # noqa: TRY400 - what is wrong stands outside
                    "exchange_refused", code=error.code, advice="compare service secrets"
                )
                raise Unavailable("provision is not accepted by users") from None
            block.give(acting.access_token, asked_at + acting.expires_in - self._deadline_seconds)
        return [await block.token()] * len(waiting)
