"""Settings of the component store, a remote catalogue of shared flows and components."""

from __future__ import annotations

from headrace.settings.declaration import SettingsGroup, setting


class ComponentStoreSettings(SettingsGroup):
    """Address and webhooks of the component store."""

    enabled: bool = setting("LANGFLOW_STORE", default=True, description="Allow access to the component store.")
    url: str | None = setting(
        "LANGFLOW_STORE_URL",
        default=None,
        description="URL of the component store. The store is off if this is not set.",
    )
    download_webhook_url: str | None = setting(
        "LANGFLOW_DOWNLOAD_WEBHOOK_URL", default=None, description="URL to call after each download from the store."
    )
    like_webhook_url: str | None = setting(
        "LANGFLOW_LIKE_WEBHOOK_URL", default=None, description="URL to call after each like in the store."
    )
