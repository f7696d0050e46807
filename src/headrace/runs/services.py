"""The parts of the server that runs use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.custom_code.custom_code import CustomCode
    from headrace.db.database import Database
    from headrace.db.encryption import VariableCipher
    from headrace.db.message_quota import MessageQuota
    from headrace.db.variable_lookup import VariableLookup
    from headrace.runs.environment_access import EnvironmentAccess
    from headrace.runs.mcp_access import McpAccess
    from headrace.runs.resources import RunResources
    from headrace.storage.files import FileService


@dataclass(frozen=True, slots=True)
class RunServices:
    """Services that all runs of a process share."""

    database: Database
    files: FileService
    cipher: VariableCipher
    variables: VariableLookup
    custom_code: CustomCode
    resources: RunResources
    environment_access: EnvironmentAccess
    message_quota: MessageQuota
    mcp: McpAccess
