"""Who may do what here.

A config belongs to one user, and nobody else sees it, no admin either: every rule for owners
passes the caller's id on as the owner's, so that another's config is not found. Mappings are the
business of provision alone, by a token made for the one mapping.
"""

from __future__ import annotations

from uuid import UUID

from shared.errors import Forbidden
from shared.http.auth import Caller, require_scope

_SERVICE = "provision"


def authorize_apply(caller: Caller, mapping_id: UUID) -> None:
    """Raises Forbidden."""
    _require_provision(caller)
    require_scope(caller, f"mapping:{mapping_id}")


def authorize_withdraw(caller: Caller, mapping_id: UUID) -> None:
    """A token for cleaning up is enough; raises Forbidden."""
    _require_provision(caller)
    if f"withdraw:{mapping_id}" not in caller.scopes:
        require_scope(caller, f"mapping:{mapping_id}")


def _require_provision(caller: Caller) -> None:
    if caller.service != _SERVICE:
        raise Forbidden
