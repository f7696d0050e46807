"""Settings of editors: starter flows and values that `GET /api/v1/config` returns."""

from __future__ import annotations

from typing import Literal

from headrace.settings.declaration import SettingsGroup, setting


class EditorSettings(SettingsGroup):
    """Starter flows and the configuration of an editor."""

    create_starter_projects: bool = setting(
        "LANGFLOW_CREATE_STARTER_PROJECTS",
        default=True,
        description="Create the flow Basic Chat for each new user, and list the starter flows.",
    )
    auto_saving: bool = setting(
        "LANGFLOW_AUTO_SAVING", default=True, description="Whether the editor saves changes automatically."
    )
    auto_saving_interval_ms: int = setting(
        "LANGFLOW_AUTO_SAVING_INTERVAL",
        default=1000,
        ge=0,
        description="Interval at which the editor saves changes, in milliseconds.",
    )
    health_check_max_retries: int = setting(
        "LANGFLOW_HEALTH_CHECK_MAX_RETRIES",
        default=5,
        ge=0,
        description="Number of failed health checks after which the editor reports that the server is down.",
    )
    frontend_timeout_seconds: int = setting(
        "LANGFLOW_FRONTEND_TIMEOUT",
        default=0,
        ge=0,
        description="Time limit of the editor's requests, in seconds; 0 means no limit.",
    )
    webhook_polling_interval_ms: int = setting(
        "LANGFLOW_WEBHOOK_POLLING_INTERVAL",
        default=5000,
        ge=0,
        description="Interval at which the editor polls for results of webhook calls, in milliseconds.",
    )
    event_delivery: Literal["polling", "streaming", "direct"] = setting(
        "LANGFLOW_EVENT_DELIVERY", default="streaming", description="How the editor receives the events of a build."
    )
