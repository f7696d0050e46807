"""Settings in groups. `LANGFLOW_*` names mean the same as in Langflow 1.7; `HEADRACE_*` names are headrace's own."""

from headrace.settings.auth import AuthSettings
from headrace.settings.code import CodeSettings
from headrace.settings.component_store import ComponentStoreSettings
from headrace.settings.database import DatabaseSettings
from headrace.settings.editor import EditorSettings
from headrace.settings.limits import LimitSettings
from headrace.settings.logging import LoggingSettings
from headrace.settings.mcp_server import McpServerSettings
from headrace.settings.network import NetworkSettings
from headrace.settings.parsing import ParsingSettings
from headrace.settings.runs import RunSettings
from headrace.settings.server import ServerSettings
from headrace.settings.settings import SETTINGS_GROUPS, Settings, SettingsError, load_settings, validate_bind_address
from headrace.settings.storage import StorageSettings
from headrace.settings.variables import VariableSettings
from headrace.settings.voice import VoiceSettings

__all__ = [
    "SETTINGS_GROUPS",
    "AuthSettings",
    "CodeSettings",
    "ComponentStoreSettings",
    "DatabaseSettings",
    "EditorSettings",
    "LimitSettings",
    "LoggingSettings",
    "McpServerSettings",
    "NetworkSettings",
    "ParsingSettings",
    "RunSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StorageSettings",
    "VariableSettings",
    "VoiceSettings",
    "load_settings",
    "validate_bind_address",
]
