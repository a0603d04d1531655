"""Brings a service's database to the shape its code expects.

Alembic with revisions in plain SQL beside each service. Alembic and SQLAlchemy are imported here
alone and only when there is something to do, so that a start on a current database costs one
query.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import structlog

from shared.postgres.pool import database_url
from shared.settings import ServiceSettings

logger = structlog.get_logger(__name__)

_LOCK = 0x534D5131  # "SMQ1": replicas that start together migrate one after the other
_ROOT = Path(__file__).resolve().parents[2]


class MigrationError(Exception):
    """The database cannot be reached or brought up to date; the text says why."""


async def migrate(service: str, settings: ServiceSettings) -> None:
    """Create the database if it is missing, then apply the revisions it lacks.

    Raises:
        MigrationError: The server does not answer or refuses.
    """
    url = database_url(service, settings)
    try:
        connection = await _connect_or_create(url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        raise MigrationError(f"PostgreSQL at {_place(url)} does not let me in: {error}") from None
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        present, newest = await _revision(connection), newest_revision(service)
        if present is not None and present > newest:
            # Gone back to an earlier release, which later revisions must not disturb.
            logger.warning("database_is_newer", revision=present, known=newest)
        elif present != newest:
            await _upgrade(service, url)
            logger.info("database_migrated", database=urlsplit(url).path.removeprefix("/"))
    except asyncpg.PostgresError as error:
        raise MigrationError(f"migration of {service} failed: {error}") from None
    finally:
        await connection.close()


def newest_revision(service: str) -> str:
    """The last revision's name: its file's leading number, as revisions are named here."""
    files = sorted((_ROOT / "services" / service / "migrations" / "versions").glob("[0-9]*.py"))
    return files[-1].stem.split("_")[0]


async def _upgrade(service: str, url: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import NullPool
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import create_async_engine

    config = Config()
    config.set_main_option("script_location", str(_ROOT / "services" / service / "migrations"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def upgrade(connection: Any) -> None:
        with EnvironmentContext(
            config, script, fn=lambda revision, _: script._upgrade_revs("head", revision)
        ) as environment:
            environment.configure(connection=connection, transaction_per_migration=True)
            connection.exec_driver_sql("SET lock_timeout = '5s'")
            with environment.begin_transaction():
                environment.run_migrations()
        connection.commit()

    # Connected as everywhere else: SQLAlchemy reads URLs differently, several hosts for example.
    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(url)
    )
    try:
        async with engine.connect() as connection:
            await connection.run_sync(upgrade)
    except SQLAlchemyError as error:
        raise MigrationError(f"migration of {service} failed: {error}") from error
    finally:
        await engine.dispose()


async def _revision(connection: asyncpg.Connection[asyncpg.Record]) -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def _connect_or_create(url: str) -> asyncpg.Connection[asyncpg.Record]:
    try:
        return await asyncpg.connect(url, timeout=10)
    except asyncpg.InvalidCatalogNameError:
        parts = urlsplit(url)
        server = await asyncpg.connect(urlunsplit(parts._replace(path="/postgres")), timeout=10)
        try:
            name = parts.path.removeprefix("/").replace('"', '""')
            await server.execute(f'CREATE DATABASE "{name}"')
        except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            pass  # another replica was first
        finally:
            await server.close()
        return await asyncpg.connect(url, timeout=10)


def _place(url: str) -> str:
    """Host, port and database of a URL, without its password."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2] or "localhost"
    return f"{hosts if ':' in hosts else f'{hosts}:5432'}{parts.path}"
