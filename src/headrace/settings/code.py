"""Settings of custom components and of code that comes with a flow."""

from __future__ import annotations

from typing import Literal

from headrace.settings.declaration import PathList, SettingsGroup, setting


class CodeSettings(SettingsGroup):
    """Approval, isolation and resource limits of code."""

    components_path: PathList = setting(
        "LANGFLOW_COMPONENTS_PATH",
        default=[],
        description="Folders of trusted components, separated by commas. Each subfolder is a category, each file a component.",
    )
    component_load_seconds: float = setting(
        "HEADRACE_COMPONENT_LOAD_SECONDS",
        default=30,
        gt=0,
        description="Maximum time to load one file of `LANGFLOW_COMPONENTS_PATH`, including the packages that it imports, in seconds.",
    )
    approval_policy: Literal["superuser", "everyone", "nobody"] = setting(
        "HEADRACE_CUSTOM_CODE",
        default="superuser",
        description="Users who may approve custom code. With auto login, the single user counts as a superuser.",
    )
    isolation: Literal["auto", "process", "none"] = setting(
        "HEADRACE_CODE_ISOLATION",
        default="auto",
        description="Where approved code runs: `process` is a confined process per user, `none` is the server process, "
        "`auto` is `none` with auto login and `process` without.",
    )
    memory_mib: int = setting(
        "HEADRACE_CODE_MEMORY_MIB",
        "HEADRACE_CODE_MEMORY",
        default=1024,
        ge=128,
        description="Maximum memory of a user's isolated code, in MiB.",
    )
    cpu_seconds: float = setting(
        "HEADRACE_CODE_CPU_SECONDS",
        "HEADRACE_CODE_SECONDS",
        default=60,
        gt=0,
        description="Maximum processor time of one call of isolated code, in seconds.",
    )
    max_file_mib: int = setting(
        "HEADRACE_CODE_MAX_FILE_MIB",
        "HEADRACE_CODE_FILE_SIZE",
        default=100,
        ge=1,
        description="Maximum size of a file that isolated code may write, in MiB.",
    )
    max_folder_mib: int = setting(
        "HEADRACE_CODE_MAX_FOLDER_MIB",
        default=256,
        ge=1,
        description="Maximum size of all files of a user's isolated code, in MiB. Where the server may mount file systems, they are "
        "in memory, in addition to `HEADRACE_CODE_MEMORY_MIB`.",
    )
    max_threads: int = setting(
        "HEADRACE_CODE_MAX_THREADS",
        default=128,
        ge=32,
        description="Maximum number of threads of a user's isolated code.",
    )
    lines_per_second: float = setting(
        "HEADRACE_CODE_LINES_PER_SECOND",
        default=100,
        gt=0,
        description="Printed lines of a user's isolated code that are logged per second, on average over ten seconds. Further lines "
        "are counted and dropped.",
    )
    max_value_mib: int = setting(
        "HEADRACE_CODE_MAX_VALUE_MIB",
        default=64,
        ge=1,
        description="Maximum size of one value that passes to or from isolated code, in MiB.",
    )
    max_value_items: int = setting(
        "HEADRACE_CODE_MAX_VALUE_ITEMS",
        default=1_000_000,
        ge=10_000,
        description="Maximum number of texts, numbers, lists, objects and keys in one value that passes to or from isolated code.",
    )
    max_workers: int = setting(
        "HEADRACE_CODE_MAX_WORKERS",
        "HEADRACE_CODE_WORKERS",
        default=16,
        ge=1,
        description="Maximum number of users whose isolated code runs at the same time in a server process. Idle workers are stopped to make room.",
    )
    idle_seconds: float = setting(
        "HEADRACE_CODE_IDLE_SECONDS",
        "HEADRACE_CODE_IDLE",
        default=300,
        gt=0,
        description="Time after which an idle worker of isolated code is stopped, in seconds.",
    )
