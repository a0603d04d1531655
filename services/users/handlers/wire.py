"""Wire types into those of the domain, and back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.users.domain.accounts import NewUser, Role, User, UserFilter
from services.users.domain.groups import MAX_LEVEL, Group, GroupFilter, Policy
from services.users.domain.keys import ApiKey, HeldKey
from services.users.domain.logins import TokenPair
from shared.clock import timestamp
from shared.contracts.common import Status
from shared.contracts.users import (
    CreateUserBody,
    IdentityBody,
    KeyBody,
    KeyVerdictBody,
    LoginBody,
    TokensBody,
    UserBody,
    UsersQuery,
)
from shared.contracts.users_groups import GroupBody, GroupsQuery, UserPolicyBody
from shared.errors import InvalidInput
from shared.http.paging import unquoted
from shared.metadata import metadata_filter, metadata_object


def new_user(body: CreateUserBody) -> NewUser:
    """What the body asks an account to be, in either generation's words."""
    return NewUser(
        identity=_agreed(body.credentials.identity, body.email, "identity"),
        secret=_agreed(body.credentials.secret, body.password, "secret"),
        name=body.name,
        tags=body.tags or [],
        metadata=metadata_object(body.metadata) or {},
        status=Status(body.status or Status.ENABLED),
        role=Role(body.role or Role.USER),
        owner=body.owner,
    )


def login_of(body: LoginBody) -> tuple[str, str]:
    """Name and password, in either generation's words."""
    return (
        _agreed(body.identity, body.email, "identity"),
        _agreed(body.secret, body.password, "secret"),
    )


def user_filter(query: UsersQuery) -> UserFilter:
    """The filters that mean the same for everybody."""
    return UserFilter(
        name=unquoted(query.name),
        identity=query.identity,
        tag=query.tag,
        metadata=metadata_filter(query.metadata) or {},
        status=None if query.status == "all" else Status(query.status or Status.ENABLED),
    )


def user_body(user: User) -> UserBody:
    """An account as answers show it; its role and secret never are."""
    return UserBody(
        id=user.id,
        name=user.name,
        tags=user.tags,
        owner=user.owner_id,
        credentials=IdentityBody(user.identity),
        metadata=user.metadata,
        created_at=timestamp(user.created_at),
        updated_at=timestamp(user.updated_at),
        updated_by=user.updated_by,
        status=user.status,
    )


def tokens_body(pair: TokenPair) -> TokensBody:
    """A pair of tokens as answers show it."""
    return TokensBody(access_token=pair.access, refresh_token=pair.refresh)


def group_filter(query: GroupsQuery) -> GroupFilter:
    """The filters of a list of groups."""
    return GroupFilter(
        name=unquoted(query.name),
        metadata=metadata_filter(query.metadata) or {},
        status=None if query.status == "all" else Status(query.status or Status.ENABLED),
        owner_id=optional_id(query.owner_id, "owner_id"),
        root_id=optional_id(query.parent_id, "parent_id"),
        is_upwards=query.dir >= 0,
        depth=MAX_LEVEL if query.level is None else query.level,
    )


def group_body(group: Group, children: Sequence[GroupBody] = ()) -> GroupBody:
    """A group as answers show it."""
    return GroupBody(
        id=group.id,
        owner_id=group.owner_id,
        parent_id=group.parent_id,
        name=group.name,
        description=group.description,
        metadata=group.metadata,
        level=group.level,
        path=group.path,
        children=list(children),
        created_at=timestamp(group.created_at),
        updated_at=timestamp(group.updated_at),
        updated_by=group.updated_by,
        status=group.status,
    )


def group_bodies(groups: Sequence[Group], *, tree: bool) -> list[GroupBody]:
    """Groups as answers show them; as a tree, each inside its parent if that is there too."""
    if not tree:
        return [group_body(group) for group in groups]
    inside: dict[UUID | None, list[Group]] = {group.id: [] for group in groups}
    roots: list[Group] = []
    for group in groups:
        inside.get(group.parent_id, roots).append(group)

    def with_children(group: Group) -> GroupBody:
        return group_body(group, [with_children(child) for child in inside[group.id]])

    return [with_children(group) for group in roots]


def policy_body(policy: Policy) -> UserPolicyBody:
    """A policy as answers show it."""
    return UserPolicyBody(
        owner_id=policy.owner_id,
        subject=policy.subject,
        object=policy.object,
        actions=[action.value for action in policy.actions],
        created_at=timestamp(policy.created_at),
        updated_at=timestamp(policy.updated_at),
        updated_by=policy.updated_by,
    )


def optional_id(text: str, what: str) -> UUID | None:
    """An id, None if there is none; raises InvalidInput if it cannot be one."""
    return required_id(text, what) if text else None


def required_id(text: str, what: str) -> UUID:
    """An id; raises InvalidInput if it cannot be one."""
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{what} is not an id") from None


def key_body(key: ApiKey, token: str = "") -> KeyBody:
    """An API key as answers show it; with its text only when it was made."""
    return KeyBody(
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        created_at=timestamp(key.created_at),
        expires_at=timestamp(key.expires_at) if key.expires_at else None,
        last_used_at=timestamp(key.last_used_at) if key.last_used_at else None,
        key=token,
    )


def verdict_body(held: HeldKey | None) -> KeyVerdictBody:
    """What an API key is worth, for other services."""
    if held is None:
        return KeyVerdictBody(active=False)
    expires_at = held.key.expires_at
    return KeyVerdictBody(
        active=True,
        key_id=held.key.id,
        user_id=held.user.id,
        identity=held.user.identity,
        role=held.user.role.value,
        scopes=held.key.scopes,
        epoch=held.epoch,
        expires_at=int(expires_at.timestamp()) if expires_at else None,
    )


def _agreed(new: str, old: str, what: str) -> str:
    """The value, whichever of its two names it came under.

    Raises:
        InvalidInput: It came under both, and differs.
    """
    if new and old and new != old:
        raise InvalidInput(f"{what} given twice and differently")
    return new or old
