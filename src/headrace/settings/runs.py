"""Settings of runs, jobs and their history."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from headrace.settings.declaration import SettingsGroup, setting


class RunSettings(SettingsGroup):
    """Limits of runs, jobs and their stored history."""

    timeout_seconds: float = setting(
        "HEADRACE_RUN_TIMEOUT_SECONDS",
        "HEADRACE_RUN_TIMEOUT",
        "LANGFLOW_WORKER_TIMEOUT",
        default=300,
        gt=0,
        description="Time limit of a run, in seconds.",
    )
    max_runs: int = setting(
        "HEADRACE_MAX_RUNS",
        default=250,
        ge=1,
        description="Maximum number of concurrent runs in a server process. Further requests receive status 429. "
        "One user can have at most 80 % of them, and fewer while others have runs.",
    )
    component_threads: int = setting(
        "HEADRACE_COMPONENT_THREADS",
        default=40,
        ge=2,
        description="Number of threads in a server process for components that block. One user can occupy at most 80 % of them, "
        "and fewer while others use some.",
    )
    tweaks: Literal["strict", "lenient"] = setting(
        "HEADRACE_TWEAKS",
        default="strict",
        description="What happens to a tweak that names no component or field of the flow, or whose value has the wrong type: `strict` "
        "rejects the run with status 422, `lenient` ignores the name or passes the value on, as Langflow does.",
    )
    max_component_executions: int = setting(
        "HEADRACE_MAX_COMPONENT_EXECUTIONS",
        default=500_000,
        ge=1,
        description="Maximum number of components that a run executes, counting every repetition of a loop.",
    )
    max_event_streams: int = setting(
        "HEADRACE_MAX_EVENT_STREAMS",
        default=500,
        ge=1,
        description="Maximum number of open event streams of builds in a server process. One user can have at most 80 % of "
        "them, and fewer while others have some.",
    )
    heartbeat_seconds: float = setting(
        "HEADRACE_HEARTBEAT_SECONDS",
        default=15,
        gt=0,
        description="Interval of heartbeats on an idle event stream, in seconds.",
    )
    public_runs_per_minute: int = setting(
        "HEADRACE_PUBLIC_RUNS_PER_MINUTE",
        default=60,
        ge=1,
        description="Maximum number of runs of public flows that one client address may start per minute.",
    )
    webhooks_per_minute: int = setting(
        "HEADRACE_WEBHOOKS_PER_MINUTE",
        default=600,
        ge=1,
        description="Maximum number of webhook calls per flow and minute. Further calls receive status 429.",
    )
    max_jobs: int = setting(
        "HEADRACE_MAX_JOBS",
        default=20,
        ge=1,
        description="Maximum number of concurrent background runs in a server process. Further jobs wait. One user can have at "
        "most 80 % of them, and fewer while others have some.",
    )
    max_waiting_jobs: int = setting(
        "HEADRACE_MAX_WAITING_JOBS",
        default=10_000,
        ge=1,
        description="Maximum number of waiting background runs per user. One anonymous caller can have at most half of them. Further "
        "requests receive status 429.",
    )
    job_lease_seconds: float = setting(
        "HEADRACE_JOB_LEASE_SECONDS",
        "HEADRACE_JOB_LEASE",
        default=30,
        gt=0,
        description="Time after which another process takes over the background runs of a process that died, in seconds.",
    )
    max_builds_per_vertex: int = setting(
        "LANGFLOW_MAX_VERTEX_BUILDS_PER_VERTEX",
        default=2,
        ge=1,
        description="Number of most recent builds stored per vertex.",
    )
    max_transactions_per_flow: int = setting(
        "LANGFLOW_MAX_TRANSACTIONS_TO_KEEP",
        default=3000,
        ge=1,
        description="Number of most recent transactions stored per flow.",
    )
    local_model_path: Path | None = setting(
        "HEADRACE_LOCAL_MODEL_PATH", default=None, description="GGUF file to serve as the local model."
    )
