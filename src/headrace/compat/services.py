"""The server's services as component code sees them: limited to the current run and its owner's objects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.compat.active_run import current_context
from headrace.component.component import Component, ComponentError
from headrace.component.environment_secret import value_for_code


class ComponentSettings:
    """The settings that component code may read. None of them is secret or describes the operator's machine."""

    storage_type = "local"
    max_file_size_upload = 100
    mcp_server_timeout = 20
    ssrf_protection_enabled = True

    @property
    def config_dir(self) -> str:
        """The working directory, which is private to the code if it runs in an isolated process."""
        return str(Path.cwd())

    @property
    def knowledge_bases_dir(self) -> str:
        """The directory for knowledge bases that component code creates."""
        return str(Path.cwd() / "knowledge_bases")

    def __getattr__(self, name: str) -> Any:
        """Reject access to all other settings.

        Raises:
            AttributeError: always.

        """
        raise AttributeError(f"Components cannot read the setting {name!r}. Add a field to the component instead.")


class SettingsService:
    """Provide the settings that component code may read."""

    settings = ComponentSettings()


def get_settings_service() -> SettingsService:
    """Return the settings service."""
    return SettingsService()


class UnavailableSession:
    """A database session without access to the database. Functions of this module accept it as an argument."""

    def __getattr__(self, name: str) -> Any:
        """Reject all database operations.

        Raises:
            AttributeError: always. The message names the alternatives.

        """
        raise AttributeError(
            f"Components cannot access the database, so the session has no {name!r}. Use self.get_variables, "
            "get_storage_service, aget_messages or astore_message."
        )


@asynccontextmanager
async def session_scope() -> AsyncIterator[UnavailableSession]:
    """Yield a session that the functions of this module accept."""
    yield UnavailableSession()


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of the flow."""

    id: UUID
    username: str


async def get_user_by_id(db: object, user_id: UUID | str) -> Owner | None:
    """Return the owner of the flow, or None for any other user's id."""
    owner = current_context("get_user_by_id").user_id
    return Owner(UUID(owner), owner) if owner is not None and str(user_id) == owner else None


class VariableService:
    """Read the owner's variables."""

    async def get_variable(self, user_id: UUID | str, name: str, field: str = "", session: object = None) -> str:
        """Return the value of one of the owner's variables.

        Raises:
            ComponentError: `user_id` is not that of the flow's owner.

        """
        context = current_context("get_variable_service")
        if str(user_id) != context.user_id:
            raise ComponentError("A component can read only the variables of the flow's owner. Pass self.user_id.")
        # In an isolated process, the context receives no secrets of the environment.
        return value_for_code(await context.get_secret(name, None), Component)


def get_variable_service() -> VariableService:
    """Return the variable service."""
    return VariableService()


class StorageService:
    """Read and store the owner's files. A file's path is `flow_id/file_name`."""

    async def get_file(self, flow_id: str, file_name: str) -> bytes:
        """Return the content of a file.

        Raises:
            HeadraceError: the owner has no file with this path.

        """
        return await current_context("get_storage_service").read_file(f"{flow_id}/{file_name}")

    async def get_file_size(self, flow_id: str, file_name: str) -> int:
        """Return the size of a file in bytes."""
        return len(await self.get_file(flow_id, file_name))

    async def save_file(self, flow_id: str, file_name: str, data: bytes, *, append: bool = False) -> None:
        """Store a file for the owner.

        Raises:
            ComponentError: `append` is set.

        """
        if append:
            raise ComponentError(
                "Components cannot append to a file. Read the file and store the longer content under a new name."
            )
        await current_context("get_storage_service").save_file(file_name, data)

    def build_full_path(self, flow_id: str, file_name: str) -> str:
        """Return the path of a file."""
        return f"{flow_id}/{file_name}"

    def parse_file_path(self, full_path: str) -> tuple[str, str]:
        """Return the folder and the name in the path of a file."""
        folder, _, name = full_path.rpartition("/")
        return folder, name


def get_storage_service() -> StorageService:
    """Return the storage service."""
    return StorageService()
