"""Variables: named, encrypted values that flows refer to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.db import tables, variables
from headrace.db.encryption import UnreadableSecretError
from headrace.db.quotas import Quota
from headrace.db.variables import CREDENTIAL, GENERIC
from headrace.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

    from headrace.db.database import Database
    from headrace.db.encryption import VariableCipher


@dataclass(frozen=True, slots=True)
class NewVariable:
    """A variable to create. Variables of the type `Generic` are readable; all others are secret."""

    name: str
    value: str
    type: str = CREDENTIAL
    default_fields: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A stored variable. `value` is None if the variable is secret or cannot be decrypted."""

    id: UUID
    name: str
    type: str
    value: str | None
    default_fields: list[str]


class VariableService:
    """Reads and writes the variables of each owner."""

    def __init__(self, database: Database, cipher: VariableCipher, *, max_variables: int) -> None:
        self._database = database
        self._cipher = cipher
        self._quota = Quota(tables.variables, "variables", max_variables, "HEADRACE_MAX_VARIABLES")

    async def list_variables(self, owner: UUID) -> list[Variable]:
        """Return the owner's variables, oldest first."""
        async with self._database.connect() as connection:
            rows = await variables.list_(connection, owner)
        return [self._to_variable(row) for row in rows]

    async def create_variable(self, owner: UUID, new_variable: NewVariable) -> Variable:
        """Create a variable with an encrypted value.

        Raises:
            BadRequestError: The name or the value is empty, or the name is in use.

        """
        _check_not_empty(name=new_variable.name, value=new_variable.value)

        async def create(connection: AsyncConnection) -> RowMapping:
            await _check_name_is_free(connection, owner, new_variable.name)
            await self._quota.check(connection, owner)
            return await variables.add(
                connection,
                owner,
                name=new_variable.name,
                type_=new_variable.type,
                encrypted=self._cipher.encrypt(new_variable.value),
                default_fields=new_variable.default_fields or [],
            )

        return self._to_variable(await self._database.write(create))

    async def update_variable(self, owner: UUID, variable_id: UUID, columns: Mapping[str, Any]) -> Variable:
        """Set `name`, `value` or `default_fields` of one of the owner's variables.

        Raises:
            BadRequestError: The name or the value is empty, or the name is in use.
            NotFoundError: The owner has no such variable.

        """
        values = dict(columns)
        _check_not_empty(name=values.get("name"), value=values.get("value"))
        if "value" in values:
            values |= {"value": self._cipher.encrypt(values["value"]), "from_environment": False}

        async def update(connection: AsyncConnection) -> RowMapping | None:
            if "name" in values:
                await _check_name_is_free(connection, owner, values["name"], variable_id)
            return await variables.change(connection, owner, variable_id, values)

        row = await self._database.write(update)
        if row is None:
            raise NotFoundError("Variable not found")
        return self._to_variable(row)

    async def delete_variable(self, owner: UUID, variable_id: UUID) -> None:
        """Delete one of the owner's variables.

        Raises:
            NotFoundError: The owner has no such variable.

        """
        if not await self._database.write(lambda c: variables.remove(c, owner, variable_id)):
            raise NotFoundError(f"{variable_id} variable not found.")

    async def import_environment(self, owner: UUID, values: Mapping[str, str]) -> None:
        """Store environment variables as the owner's credentials.

        A variable that came from the environment takes its new value; a variable that the owner has set keeps its own.

        Args:
            owner: the owner of the variables.
            values: the values by name.

        """
        async with self._database.connect() as connection:
            stored = {row["name"]: row for row in await variables.list_(connection, owner)}
        for name, value in values.items():
            row = stored.get(name)
            if row is None or (row["from_environment"] and not self._cipher.matches(value, row["value"])):
                await self._import_variable(owner, name, value)

    async def _import_variable(self, owner: UUID, name: str, value: str) -> None:
        encrypted = self._cipher.encrypt(value)

        async def save(connection: AsyncConnection) -> None:
            row = await variables.get_by_name(connection, owner, name)
            if row is None:
                await variables.add(
                    connection,
                    owner,
                    name=name,
                    type_=CREDENTIAL,
                    encrypted=encrypted,
                    default_fields=[],
                    from_environment=True,
                )
            elif row["from_environment"]:
                await variables.change(connection, owner, row["id"], {"value": encrypted})

        await self._database.write(save)

    def _to_variable(self, row: RowMapping) -> Variable:
        value = None
        if row["type"] == GENERIC:
            # A variable that was encrypted with another key can still be listed, replaced and deleted.
            with suppress(UnreadableSecretError):
                value = self._cipher.decrypt(row["value"])
        return Variable(row["id"], row["name"], row["type"], value, row["default_fields"] or [])


def _check_not_empty(**texts: str | None) -> None:
    empty = [name for name, text in texts.items() if text is not None and not text.strip()]
    if empty:
        raise BadRequestError(f"Variable {' and '.join(empty)} cannot be empty")


async def _check_name_is_free(
    connection: AsyncConnection, owner: UUID, name: str, variable_id: UUID | None = None
) -> None:
    other = await variables.get_by_name(connection, owner, name)
    if other is not None and other["id"] != variable_id:
        raise BadRequestError("Variable name already exists")
