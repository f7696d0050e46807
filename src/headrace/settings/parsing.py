"""Settings of the processes that parse untrusted input."""

from __future__ import annotations

from headrace.settings.declaration import SettingsGroup, setting


class ParsingSettings(SettingsGroup):
    """Limits of parsing source code, web pages, feeds and regular expressions, which happens in child processes."""

    processes: int = setting(
        "HEADRACE_PARSING_PROCESSES",
        default=5,
        ge=1,
        description="Maximum number of parsing processes of a server process. They start on demand. A single user gets at "
        "most four fifths of them, so that with fewer than 5 a user can make others wait.",
    )
    cpu_seconds: float = setting(
        "HEADRACE_PARSING_CPU_SECONDS",
        default=10,
        gt=0,
        description="Maximum processor time for parsing one source, page or feed, in seconds.",
    )
    regex_cpu_seconds: float = setting(
        "HEADRACE_REGEX_CPU_SECONDS",
        default=1,
        gt=0,
        description="Maximum processor time for matching one regular expression, in seconds.",
    )
    memory_mib: int = setting(
        "HEADRACE_PARSING_MEMORY_MIB",
        default=256,
        ge=64,
        description="Maximum memory of a parsing process, in MiB.",
    )
    idle_seconds: float = setting(
        "HEADRACE_PARSING_IDLE_SECONDS",
        default=60,
        gt=0,
        description="Time after which an idle parsing process is stopped, in seconds.",
    )
