"""Load all settings from the environment, an optional env file and overrides."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import ValidationError

from headrace.errors import HeadraceError
from headrace.settings.auth import AuthSettings
from headrace.settings.code import CodeSettings
from headrace.settings.component_store import ComponentStoreSettings
from headrace.settings.database import DatabaseSettings
from headrace.settings.declaration import SettingsGroup, variable_names
from headrace.settings.editor import EditorSettings
from headrace.settings.limits import LimitSettings
from headrace.settings.logging import LoggingSettings
from headrace.settings.mcp_client import McpClientSettings
from headrace.settings.mcp_server import McpServerSettings
from headrace.settings.network import NetworkSettings
from headrace.settings.parsing import ParsingSettings
from headrace.settings.runs import RunSettings
from headrace.settings.server import ServerSettings
from headrace.settings.storage import StorageSettings
from headrace.settings.variables import VariableSettings
from headrace.settings.voice import VoiceSettings

if TYPE_CHECKING:
    from pathlib import Path


class SettingsError(HeadraceError):
    """A setting or a command line option is not valid."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, in groups. Read once at start; pass a group to the code that uses it."""

    server: ServerSettings
    auth: AuthSettings
    database: DatabaseSettings
    storage: StorageSettings
    runs: RunSettings
    limits: LimitSettings
    code: CodeSettings
    network: NetworkSettings
    parsing: ParsingSettings
    variables: VariableSettings
    editor: EditorSettings
    component_store: ComponentStoreSettings
    voice: VoiceSettings
    logging: LoggingSettings
    mcp_server: McpServerSettings
    mcp_client: McpClientSettings

    @property
    def database_url(self) -> str:
        """Return the database URL with the async driver in its scheme."""
        url = self.database.url.get_secret_value() if self.database.url else ""
        if not url:
            return f"sqlite+aiosqlite:///{self.storage.config_folder / 'headrace.db'}"
        scheme, _, rest = url.partition("://")
        if scheme.startswith("sqlite"):
            return f"sqlite+aiosqlite://{rest}"
        # libpq's name of the parameter, which hosters put into their URLs; asyncpg has another name for the same values.
        credentials, at, address = rest.rpartition("@")
        host, question_mark, parameters = address.partition("?")
        parameters = re.sub(r"(^|&)sslmode=", r"\1ssl=", parameters)
        return f"postgresql+asyncpg://{credentials}{at}{host}{question_mark}{parameters}"

    @property
    def readable_environment(self) -> list[str]:
        """Return the names of the environment variables that flows may read.

        The credentials of the server's own S3 bucket are excluded unless the operator lists them explicitly.
        """
        names = self.variables.environment_names
        if self.storage.backend != "s3" or "environment_names" in self.variables.model_fields_set:
            return names
        return [name for name in names if not name.startswith("AWS_")]

    @property
    def isolates_code(self) -> bool:
        """Return whether approved code runs in isolated worker processes."""
        return self.code.isolation == "process" or (self.code.isolation == "auto" and not self.auth.auto_login)


#: The class of each group, by the group's name.
SETTINGS_GROUPS: dict[str, type[SettingsGroup]] = {
    field.name: get_type_hints(Settings, include_extras=True)[field.name] for field in fields(Settings)
}


def load_settings(env_file: Path | None = None, **overrides: object) -> Settings:
    """Return the settings from the overrides, the environment and the env file, in this order of precedence.

    Args:
        env_file: File with a line `NAME=value` per setting.
        overrides: Values by variable name in lower case without its prefix: `max_runs=2` overrides `HEADRACE_MAX_RUNS`.
            None overrides nothing.

    Raises:
        SettingsError: The env file is missing or a value is not valid. The message names the setting, never the value.

    """
    if env_file is not None and not env_file.is_file():
        raise SettingsError(f"The env file {env_file} does not exist. Check the path.")
    values = _overrides_by_group(overrides)
    groups: dict[str, Any] = {}
    problems: list[str] = []
    for name, group in SETTINGS_GROUPS.items():
        try:
            groups[name] = group(_env_file=env_file, **values[name])
        except ValidationError as error:
            problems += [
                f"{_documented_name(group, str(e['loc'][0]))}: {e['msg'].removeprefix('Value error, ')}."
                for e in error.errors()
            ]
    if problems:
        raise SettingsError("\n".join(problems))
    return Settings(**groups)


def _overrides_by_group(overrides: dict[str, object]) -> dict[str, dict[str, Any]]:
    values: dict[str, dict[str, Any]] = {name: {} for name in SETTINGS_GROUPS}
    names = _override_names()
    for key, value in overrides.items():
        if key not in names:
            raise TypeError(f"Setting {key!r} does not exist.")
        if value is not None:
            group, variable = names[key]
            values[group][variable] = value
    return values


def _override_names() -> dict[str, tuple[str, str]]:
    """Return the group and the documented variable of each override key."""
    names = {}
    for group_name, group in SETTINGS_GROUPS.items():
        for field_name in group.model_fields:
            variables = variable_names(group, field_name)
            for variable in variables:
                names[variable.partition("_")[2].lower()] = (group_name, variables[0])
    return names


def _documented_name(group: type[SettingsGroup], name: str) -> str:
    for field_name in group.model_fields:
        variables = variable_names(group, field_name)
        if name == field_name or name in variables:
            return variables[0]
    return name


def validate_bind_address(settings: Settings) -> None:
    """Check that auto login is not reachable from other machines.

    Raises:
        SettingsError: Auto login is on and the server would listen on an address beyond loopback.

    """
    auth = settings.auth
    if auth.auto_login and not settings.server.is_loopback and not auth.allow_public_auto_login:
        raise SettingsError(
            f"Auto login is on, but other machines can reach the server on {settings.server.host}. Set "
            "LANGFLOW_AUTO_LOGIN=false, LANGFLOW_SUPERUSER=<name> and LANGFLOW_SUPERUSER_PASSWORD=<password>; or, on a "
            "network that you trust, HEADRACE_ALLOW_PUBLIC_AUTO_LOGIN=true."
        )
