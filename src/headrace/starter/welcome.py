"""What every new user gets."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from headrace.store import flows, projects

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.starter.library import Starters


async def welcome(connection: AsyncConnection, owner: UUID, starters: Starters | None) -> None:
    """Give a new user the default project, and where there are starters the flow Basic Chat in it."""
    folder = await projects.default_of(connection, owner)
    if starters is not None:
        await flows.add(connection, owner, {**starters.basic_chat().columns(), "folder_id": folder})
