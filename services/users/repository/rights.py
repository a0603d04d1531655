"""What policies allow, asked of PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from services.users.domain.groups import Action
from shared.postgres.pool import Database


class PostgresRights:
    """See RightStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_enabled_admin(self, user_id: UUID) -> bool | None:
        enabled = await self._database.fetchval(
            "SELECT role = 'admin' FROM users WHERE id = $1 AND status = 'enabled'", user_id
        )
        return None if enabled is None else bool(enabled)

    async def allows_on_user(self, subject: UUID, target: UUID, action: Action) -> bool:
        # Anybody may put anybody into a group of his own. Power to change or disable somebody
        # comes from a group only if he, his owner or an admin has put him there.
        return bool(
            await self._database.fetchval(
                """
                SELECT EXISTS (
                    SELECT FROM users WHERE id = $2 AND (id = $1 OR owner_id = $1)
                ) OR EXISTS (
                    SELECT FROM policies AS held
                    JOIN groups ON groups.id = held.object AND groups.status = 'enabled'
                    JOIN policies AS membership ON membership.object = held.object
                    JOIN users ON users.id = membership.subject AND users.role <> 'admin'
                    LEFT JOIN users AS maker ON maker.id = membership.owner_id
                    WHERE held.subject = $1 AND $3 = ANY(held.actions)
                        AND membership.subject = $2
                        AND ($3 <> ALL ('{c_update,c_delete}') OR maker.role = 'admin'
                            OR maker.id IN (users.id, users.owner_id))
                )
                """,
                subject,
                target,
                action,
            )
        )

    async def allows_on_group(self, subject: UUID, target: UUID, action: Action) -> bool:
        return bool(
            await self._database.fetchval(
                """
                SELECT EXISTS (
                    SELECT FROM groups WHERE id = $2 AND owner_id = $1
                ) OR EXISTS (
                    SELECT FROM policies
                    WHERE subject = $1 AND object = $2 AND $3 = ANY(actions)
                )
                """,
                subject,
                target,
                action,
            )
        )
