"""Limits in bytes and in numbers of objects, which keep one user from filling the memory or the disk of others."""

from __future__ import annotations

from headrace.limits.byte_budget import (
    MAX_ALL_RUN_BYTES,
    MAX_MODEL_RESPONSE_BYTES,
    MAX_RUN_BYTES,
    MAX_USER_RUN_BYTES,
    MAX_VALUE_BYTES,
    ByteLimits,
)
from headrace.settings.declaration import SettingsGroup, setting


class LimitSettings(SettingsGroup):
    """Memory of runs, retained results, and storage quotas of users."""

    max_value_bytes: int = setting(
        "HEADRACE_MAX_VALUE_BYTES",
        default=MAX_VALUE_BYTES,
        ge=100_000,
        description="Maximum size in bytes of a value in a run: an output of a component, a prompt, or the answer of a model.",
    )
    max_run_bytes: int = setting(
        "HEADRACE_MAX_RUN_BYTES",
        default=MAX_RUN_BYTES,
        ge=1_000_000,
        description="Maximum size of all values of a run, in bytes.",
    )
    max_user_run_bytes: int = setting(
        "HEADRACE_MAX_USER_RUN_BYTES",
        default=MAX_USER_RUN_BYTES,
        ge=10_000_000,
        description="Maximum size of the values of a user's concurrent runs in a server process, in bytes.",
    )
    max_all_run_bytes: int = setting(
        "HEADRACE_MAX_ALL_RUN_BYTES",
        default=MAX_ALL_RUN_BYTES,
        ge=10_000_000,
        description="Maximum size of the values of all concurrent runs in a server process, in bytes. Users get fair shares of it.",
    )
    max_model_response_bytes: int = setting(
        "HEADRACE_MAX_MODEL_RESPONSE_BYTES",
        default=MAX_MODEL_RESPONSE_BYTES,
        ge=100_000,
        description="Maximum size of a response of a model server that is not streamed, in bytes.",
    )
    max_file_read_bytes: int = setting(
        "HEADRACE_MAX_FILE_READ_BYTES",
        default=32_000_000,
        ge=100_000,
        description="Maximum size of a file that a component reads into memory, in bytes.",
    )
    max_recorded_bytes: int = setting(
        "HEADRACE_MAX_RECORDED_BYTES",
        default=1_000_000,
        ge=10_000,
        description="Maximum size of the recorded result of a vertex, in bytes. Of a larger one only the beginning of its texts is recorded.",
    )
    max_build_bytes: int = setting(
        "HEADRACE_MAX_BUILD_BYTES",
        default=64_000_000,
        ge=100_000,
        description="Maximum size of the events of a build, in bytes. A build that exceeds it is stopped.",
    )
    max_user_build_bytes: int = setting(
        "HEADRACE_MAX_USER_BUILD_BYTES",
        default=96_000_000,
        ge=100_000,
        description="Maximum size of the events of a user's builds in a server process, in bytes. Beyond it, the user's ended builds are dropped, oldest first.",
    )
    max_all_build_bytes: int = setting(
        "HEADRACE_MAX_ALL_BUILD_BYTES",
        default=256_000_000,
        ge=100_000,
        description="Maximum size of the events of all builds in a server process, in bytes. Beyond it, ended builds of the user with the largest ones are dropped.",
    )
    result_cache_bytes: int = setting(
        "HEADRACE_RESULT_CACHE_BYTES",
        default=64_000_000,
        ge=0,
        description="Size of the cache of results of frozen components in a server process, in bytes. Users get fair shares of it.",
    )
    plan_cache_bytes: int = setting(
        "HEADRACE_PLAN_CACHE_BYTES",
        default=64_000_000,
        ge=0,
        description="Size of the cache of compiled flows in a server process, in bytes. Users get fair shares of it.",
    )
    max_waiting_job_bytes: int = setting(
        "HEADRACE_MAX_WAITING_JOB_BYTES",
        default=100_000_000,
        ge=100_000,
        description="Maximum size of the inputs of a user's waiting background runs, in bytes. Further requests receive status 429.",
    )
    max_user_storage_mib: int = setting(
        "HEADRACE_MAX_USER_STORAGE_MIB",
        default=10_240,
        ge=1,
        description="Maximum size of a user's stored files, in MiB.",
    )
    max_user_message_mib: int = setting(
        "HEADRACE_MAX_USER_MESSAGE_MIB",
        default=1024,
        ge=1,
        description="Maximum size of a user's stored messages, in MiB. Runs of anonymous callers can use half of it. A run that "
        "would exceed it fails.",
    )
    max_user_knowledge_base_mib: int = setting(
        "HEADRACE_MAX_USER_KNOWLEDGE_BASE_MIB",
        default=10_240,
        ge=1,
        description="Maximum size of a user's knowledge bases, in MiB.",
    )
    max_files: int = setting(
        "HEADRACE_MAX_FILES", default=10_000, ge=1, description="Maximum number of a user's stored files."
    )
    max_flows: int = setting("HEADRACE_MAX_FLOWS", default=5000, ge=1, description="Maximum number of a user's flows.")
    max_projects: int = setting(
        "HEADRACE_MAX_PROJECTS", default=1000, ge=1, description="Maximum number of a user's projects."
    )
    max_variables: int = setting(
        "HEADRACE_MAX_VARIABLES", default=1000, ge=1, description="Maximum number of a user's variables."
    )
    max_mcp_servers: int = setting(
        "HEADRACE_MAX_MCP_SERVERS", default=100, ge=1, description="Maximum number of a user's MCP servers."
    )
    max_api_keys: int = setting(
        "HEADRACE_MAX_API_KEYS", default=1000, ge=1, description="Maximum number of a user's API keys."
    )
    max_responses: int = setting(
        "HEADRACE_MAX_RESPONSES",
        default=10_000,
        ge=1,
        description="Number of a user's most recent responses of the OpenAI API that are stored.",
    )
    max_response_bytes: int = setting(
        "HEADRACE_MAX_RESPONSE_BYTES",
        default=100_000_000,
        ge=100_000,
        description="Maximum size of a user's stored responses of the OpenAI API, in bytes. Beyond it, the oldest are deleted.",
    )
    max_conversations: int = setting(
        "HEADRACE_MAX_CONVERSATIONS",
        default=10_000,
        ge=1,
        description="Maximum number of a user's conversations of the OpenAI API.",
    )
    max_conversation_bytes: int = setting(
        "HEADRACE_MAX_CONVERSATION_BYTES",
        default=100_000_000,
        ge=100_000,
        description="Maximum size of the items in a user's conversations of the OpenAI API, in bytes.",
    )

    @property
    def run_bytes(self) -> ByteLimits:
        """Return the limits of values and runs."""
        return ByteLimits(
            value=self.max_value_bytes,
            run=self.max_run_bytes,
            user=self.max_user_run_bytes,
            all_runs=self.max_all_run_bytes,
            model_response=self.max_model_response_bytes,
        )

    @property
    def max_user_storage_bytes(self) -> int:
        """Return the maximum size of a user's stored files in bytes."""
        return self.max_user_storage_mib << 20

    @property
    def max_user_message_bytes(self) -> int:
        """Return the maximum size of a user's messages in bytes."""
        return self.max_user_message_mib << 20

    @property
    def max_user_knowledge_base_bytes(self) -> int:
        """Return the maximum size of a user's knowledge bases in bytes."""
        return self.max_user_knowledge_base_mib << 20
