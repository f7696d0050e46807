"""Facts about the server that component code reads: name, version, environment."""

from __future__ import annotations

import platform
from importlib.metadata import version


def get_user_agent() -> str:
    """Return the `User-Agent` header for requests of components."""
    return f"headrace ({platform.system()})"


def get_version_info() -> dict[str, str]:
    """Return the name and version of the server's package."""
    package_version = version("headrace")
    return {"version": package_version, "main_version": package_version, "package": "headrace"}


def is_astra_cloud_environment() -> bool:
    """Return False: the server does not run in the Astra cloud."""
    return False


def raise_error_if_astra_cloud_disable_component(msg: str) -> None:
    """Do nothing: the environment disables no component."""
