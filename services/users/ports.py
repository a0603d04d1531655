"""What the rules of users need from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.users.domain.accounts import Role, User, UserFilter
from services.users.domain.groups import (
    Action,
    Group,
    GroupFilter,
    Policy,
    PolicyFilter,
    PolicyGround,
)
from services.users.domain.keys import ApiKey, HeldKey
from services.users.domain.logins import Login, TokenFamily
from services.users.domain.resets import ResetMail
from shared.contracts.common import JsonObject, Status
from shared.contracts.users import RevocationBody
from shared.http.paging import Page


class UserStore(Protocol):
    """The accounts."""

    async def insert(self, user: User, *, canonical: str, secret_hash: str) -> User:
        """Raises IdentityTaken, UnknownOwner. Event: UserCreated."""

    async def find(self, user_id: UUID) -> User | None:
        """The account of that id."""

    async def find_living(
        self, user_id: UUID, *, epoch: int, family_id: UUID | None
    ) -> User | None:
        """The enabled account, unless tokens of that epoch or login have ended."""

    async def find_login(self, canonical: str) -> Login | None:
        """The account of a login name in its canonical form."""

    async def get_login(self, user_id: UUID) -> Login:
        """Raises UserNotFound."""

    async def list_page(self, wanted: UserFilter, page: Page) -> tuple[int, list[User]]:
        """How many there are, and a part of them in the order they were made."""

    async def update(
        self,
        user_id: UUID,
        *,
        name: str | None,
        metadata: JsonObject | None,
        by: UUID,
        at: datetime,
    ) -> User:
        """What is None stays. Raises UserNotFound if not enabled. Event: UserUpdated."""

    async def update_tags(self, user_id: UUID, tags: list[str], *, by: UUID, at: datetime) -> User:
        """Raises UserNotFound if not enabled. Event: UserUpdated."""

    async def update_identity(
        self, user_id: UUID, identity: str, *, canonical: str, by: UUID, at: datetime
    ) -> User:
        """Links sent to the old address end. Event: UserUpdated.

        Raises IdentityTaken, UserNotFound if not enabled.
        """

    async def update_owner(self, user_id: UUID, owner_id: UUID, *, by: UUID, at: datetime) -> User:
        """Raises UnknownOwner, UserNotFound if not enabled. Event: UserUpdated."""


class AccessStore(Protocol):
    """What lets somebody in; each change but enabling ends the logins of before."""

    async def update_secret(
        self, user_id: UUID, *, old_hash: str, new_hash: str, at: datetime, until: datetime
    ) -> User:
        """Ends all logins. Raises SecretChangedMeanwhile. Event: UserSecretChanged."""

    async def update_status(
        self, user_id: UUID, status: Status, *, by: UUID, at: datetime, until: datetime
    ) -> User:
        """Disabling ends all logins; `until` is when their tokens would have expired.

        Raises StatusAlreadyAssigned. Event: UserEnabled or UserDisabled.
        """

    async def update_role(
        self, user_id: UUID, role: Role, *, by: UUID, at: datetime, until: datetime
    ) -> User | None:
        """Ends all logins. None if the role is that already, or the account not enabled.

        Event: UserRoleChanged.
        """


class ResetStore(Protocol):
    """Links for forgotten passwords."""

    async def insert(
        self,
        token_hash: bytes,
        user_id: UUID,
        *,
        now: datetime,
        expires_at: datetime,
        at_most: int,
    ) -> bool:
        """Keep a link; not if the account is not enabled or has so many good ones already."""

    async def find_user(self, token_hash: bytes, *, now: datetime) -> UUID | None:
        """Whose link it is, None if it is not good any more."""

    async def use(
        self,
        token_hash: bytes,
        user_id: UUID,
        *,
        secret_hash: str,
        at: datetime,
        until: datetime,
    ) -> bool:
        """Use a link up and set the password, which ends all logins and all other links.

        False if the link is not good any more. Event: UserSecretChanged.
        """


class FamilyStore(Protocol):
    """The logins that go on by refresh tokens."""

    async def insert(self, family: TokenFamily, *, now: datetime) -> None:
        """Begin a login's family; the user's expired ones are swept on this occasion."""

    async def rotate(
        self, family_id: UUID, used_id: UUID, next_id: UUID, *, now: datetime, expires_at: datetime
    ) -> User | None:
        """Put the next token in the place of the current one, if that is the one used.

        None if it is not, if the family has ended, or if the account is not enabled.
        """

    async def end_if_reused(
        self,
        user_id: UUID,
        family_id: UUID,
        used_id: UUID,
        *,
        since: datetime,
        until: datetime,
    ) -> bool:
        """End a family unless the token was used first after `since`; tells whether it ended.

        Event: LoginEnded.
        """

    async def end(self, user_id: UUID, family_id: UUID, *, until: datetime) -> None:
        """End a login with its access tokens, which would have lived until then.

        Event: LoginEnded.
        """


class KeyStore(Protocol):
    """The API keys."""

    async def insert(self, key: ApiKey, *, secret_hash: bytes) -> None:
        """Event: KeyCreated."""

    async def find(self, key_id: UUID, *, user_id: UUID) -> ApiKey | None:
        """A user's key."""

    async def find_held(self, key_id: UUID) -> HeldKey | None:
        """A key with its hash and its user."""

    async def list_page(self, user_id: UUID, page: Page) -> tuple[int, list[ApiKey]]:
        """How many a user has, and a part of them in the order they were made."""

    async def delete(self, key_id: UUID, *, user_id: UUID, until: datetime) -> bool:
        """Revoke a key; other services are told until then. Event: KeyRevoked."""

    async def note_uses(self, uses: dict[UUID, datetime]) -> None:
        """When keys were used last."""


class GroupStore(Protocol):
    """The groups of users."""

    async def insert(self, group: Group) -> None:
        """Raises GroupNameTaken, ParentNotFound. Event: GroupCreated."""

    async def find(self, group_id: UUID) -> Group | None:
        """The group of that id."""

    async def list_page(self, wanted: GroupFilter, page: Page) -> tuple[int, list[Group]]:
        """How many there are, and a part of them in the order they were made."""

    async def update(
        self,
        group_id: UUID,
        *,
        name: str | None,
        description: str | None,
        metadata: JsonObject | None,
        parent_id: UUID | None,
        by: UUID,
        at: datetime,
    ) -> Group:
        """What is None stays.

        Raises GroupNotFound if not enabled, GroupNameTaken, ParentNotFound, GroupCycle.
        Event: GroupUpdated.
        """

    async def update_status(
        self, group_id: UUID, status: Status, *, by: UUID, at: datetime
    ) -> Group:
        """Raises StatusAlreadyAssigned. Event: GroupEnabled or GroupDisabled."""


class PolicyStore(Protocol):
    """Who may do what in which group."""

    async def get_ground(self, writer: UUID, subject: UUID, group_id: UUID) -> PolicyGround:
        """What decides whether somebody may write a policy."""

    async def put(self, policy: Policy) -> None:
        """Make a policy or replace its actions; who made it first stays its owner.

        Raises PolicyNotFound if one end is gone. Event: PolicyCreated.
        """

    async def update(
        self, subject: UUID, group_id: UUID, actions: list[Action], *, by: UUID, at: datetime
    ) -> None:
        """Raises PolicyNotFound. Event: PolicyUpdated."""

    async def delete(self, subject: UUID, group_id: UUID) -> None:
        """Raises PolicyNotFound. Event: PolicyDeleted."""

    async def list_page(self, wanted: PolicyFilter, page: Page) -> tuple[int, list[Policy]]:
        """How many there are, and a part of them in the order they were made."""


class RevocationStore(Protocol):
    """What no longer counts."""

    async def list_since(self, since: int) -> tuple[int, list[RevocationBody]]:
        """Where the next look begins, and everything from `since` on; some may come twice."""

    async def sweep(self, *, now: datetime) -> None:
        """Forget what has expired by itself."""


class RightStore(Protocol):
    """What ownership and policies allow."""

    async def is_enabled_admin(self, user_id: UUID) -> bool | None:
        """Whether he is an admin; None if there is no enabled account of that id."""

    async def allows_on_user(self, subject: UUID, target: UUID, action: Action) -> bool:
        """Whether the target is himself, his, or (unless an admin) shares a group with him.

        In that group, which is enabled, he has a policy with the action.
        """

    async def allows_on_group(self, subject: UUID, target: UUID, action: Action) -> bool:
        """Whether the group is his, or he has a policy on it with the action."""


class Passwords(Protocol):
    """Slow hashes of passwords."""

    async def hash(self, secret: str) -> str:
        """Raises Unavailable when too many wait."""

    async def matches(self, secret: str, hashed: str | None) -> bool:
        """Takes equally long whatever it is given; never true for None.

        Raises Unavailable when too many wait.
        """


class Tokens(Protocol):
    """Signs claims and reads them back."""

    def sign(self, claims: dict[str, Any]) -> str:
        """A token with these claims."""

    async def read(self, token: str) -> dict[str, Any]:
        """The claims of a living token signed here; raises Unauthenticated."""


class FailureCounts(Protocol):
    """Failures by key within a minute."""

    async def check(self, *key: str) -> None:
        """Raises TooManyRequests."""

    async def note_failure(self, *key: str) -> int:
        """The how-manieth it was."""

    def failures(self, *key: str) -> int:
        """How many are known of."""


class Mailer(Protocol):
    """Sends mails."""

    async def send(self, mail: ResetMail) -> None:
        """Raises Unavailable if it may succeed later, MailRefused if it never will."""


class PublicKeys(Protocol):
    """What tokens are checked with."""

    @property
    def public_keys(self) -> list[dict[str, str]]:
        """The members of a key set."""
