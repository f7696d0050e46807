"""What components ask of the server's services, answered from the run that they work in: its owner's things, and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.compat.current import context_of
from headrace.component.component import ComponentError


class ComponentSettings:
    """The settings that components may know: nothing secret, nothing of the operator's machine."""

    storage_type = "local"
    max_file_size_upload = 100
    mcp_server_timeout = 20
    ssrf_protection_enabled = True

    @property
    def config_dir(self) -> str:
        """A folder to work in: the code's own where it runs isolated."""
        return str(Path.cwd())

    @property
    def knowledge_bases_dir(self) -> str:
        """Where a component that keeps knowledge by itself may put it."""
        return str(Path.cwd() / "knowledge_bases")

    def __getattr__(self, name: str) -> Any:
        """Refuse what components may not know.

        Raises:
            AttributeError: always; says so.

        """
        raise AttributeError(f"Components do not see the setting {name!r}. Give the component a field for it.")


class SettingsService:
    """Holds the settings, where components look for them."""

    settings = ComponentSettings()


def get_settings_service() -> SettingsService:
    """Return the settings that components may know."""
    return SettingsService()


class NoDatabase:
    """What `session_scope` gives: to be handed to the functions here, and good for nothing else."""

    def __getattr__(self, name: str) -> Any:
        """Refuse.

        Raises:
            AttributeError: always; says what to use.

        """
        raise AttributeError(
            f"Components have no database, so the session has no {name!r}. Use self.get_variables, get_storage_service, "
            "aget_messages and astore_message."
        )


@asynccontextmanager
async def session_scope() -> AsyncIterator[NoDatabase]:
    """Give what the functions of this module take for a session."""
    yield NoDatabase()


@dataclass(frozen=True, slots=True)
class Owner:
    """The user whose flow runs."""

    id: UUID
    username: str


async def get_user_by_id(db: object, user_id: UUID | str) -> Owner | None:
    """Return the user whose flow runs, if it is the one that is asked for; None for anybody else."""
    owner = context_of("get_user_by_id").user_id
    return Owner(UUID(owner), owner) if owner is not None and str(user_id) == owner else None


class VariableService:
    """The owner's variables."""

    async def get_variable(self, user_id: UUID | str, name: str, field: str = "", session: object = None) -> str:
        """Return one of the owner's variables.

        Raises:
            ComponentError: another user's is asked for.

        """
        context = context_of("get_variable_service")
        if str(user_id) != context.user_id:
            raise ComponentError("A component reads the variables of the flow's owner, and nobody else's.")
        return await context.variable(name, None)


def get_variable_service() -> VariableService:
    """Return the owner's variables."""
    return VariableService()


class StorageService:
    """The owner's files, by the folder and the name that their paths are made of."""

    async def get_file(self, flow_id: str, file_name: str) -> bytes:
        """Return a file's content; raise where the owner has none of this name."""
        return await context_of("get_storage_service").read_file(f"{flow_id}/{file_name}")

    async def get_file_size(self, flow_id: str, file_name: str) -> int:
        """Return a file's size, bytes."""
        return len(await self.get_file(flow_id, file_name))

    async def save_file(self, flow_id: str, file_name: str, data: bytes, *, append: bool = False) -> None:
        """Keep a file for the owner.

        Raises:
            ComponentError: something is to be put behind a file that is there.

        """
        if append:
            raise ComponentError("Files are kept whole here. Read the file, and keep the longer one under a new name.")
        await context_of("get_storage_service").save_file(file_name, data)

    def build_full_path(self, flow_id: str, file_name: str) -> str:
        """Return the path that names a file."""
        return f"{flow_id}/{file_name}"

    def parse_file_path(self, full_path: str) -> tuple[str, str]:
        """Return the folder and the name in a path."""
        folder, _, name = full_path.rpartition("/")
        return folder, name


def get_storage_service() -> StorageService:
    """Return the owner's files."""
    return StorageService()


class CacheMiss:
    """What a cache gives where it has nothing."""


def safe_cache_get(cache: Any, key: str, default: Any = None) -> Any:
    """Return what a component's shared cache has under a key, or `default`."""
    found = cache.get(key) if cache is not None else None
    return default if found is None or isinstance(found, CacheMiss) else found


def safe_cache_set(cache: Any, key: str, value: Any) -> None:
    """Put something into a component's shared cache."""
    if hasattr(cache, "set"):
        cache.set(key, value)
    elif cache is not None:
        cache[key] = value
