"""Who may do what here.

A certificate belongs to whoever has asked for it and to the owner of its thing; nobody else sees
it, no admin either: every rule for users passes the caller's id on, so that another's certificate
is not found. It stands for its thing, so only who may see the thing's secret gets one. Mappings
are the business of provision alone, by a token made for the one mapping.
"""

from __future__ import annotations

from uuid import UUID

from services.certs.domain import ThingNotHis, ThingNotVisible, ThingStopped
from services.certs.ports import Things
from shared.contracts.common import Status
from shared.errors import Forbidden, NotFound
from shared.http.auth import Caller, require_scope

_SERVICE = "provision"


class Authorization:
    """Asks things, as the caller."""

    def __init__(self, things: Things) -> None:
        self._things = things

    async def owner_of(self, caller: Caller, thing_id: UUID) -> UUID:
        """The owner of a thing for which the caller may have a certificate.

        Raises:
            ThingNotVisible: He has no such thing.
            ThingNotHis: He sees it, but not its secret.
            ThingStopped: It is disabled.
        """
        try:
            thing = await self._things.view_thing(caller.token, thing_id)
        except NotFound:
            raise ThingNotVisible from None
        if not thing.credentials.secret:
            raise ThingNotHis
        if thing.status != Status.ENABLED:
            raise ThingStopped
        return thing.owner or caller.user_id


def authorize_apply(caller: Caller, mapping_id: UUID) -> None:
    """Raises Forbidden."""
    _require_provision(caller)
    require_scope(caller, f"mapping:{mapping_id}")


def authorize_manage(caller: Caller, mapping_id: UUID) -> None:
    """A token for cleaning up is enough; raises Forbidden."""
    _require_provision(caller)
    if f"withdraw:{mapping_id}" not in caller.scopes:
        require_scope(caller, f"mapping:{mapping_id}")


def _require_provision(caller: Caller) -> None:
    if caller.service != _SERVICE:
        raise Forbidden
