"""Query an Ollama server for the fields of components.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md (`/api/tags`, `/api/show`).
"""

from __future__ import annotations

from typing import Any

from headrace.compat.active_run import current_context
from headrace.net.urls import displayed_url

REQUEST_TIMEOUT_SECONDS = 10


async def is_valid_ollama_url(url: str) -> bool:
    """Return whether an Ollama server answers at a URL."""
    return await _request(url, "api/tags") is not None


async def get_ollama_models(
    base_url_value: str,
    desired_capability: str,
    json_models_key: str = "models",
    json_name_key: str = "name",
    json_capabilities_key: str = "capabilities",
) -> list[str]:
    """Return the sorted names of an Ollama server's models that have a capability.

    Args:
        base_url_value: the URL of the server.
        desired_capability: such as `completion`, `tools` or `embedding`.
        json_models_key: the key of the models in the server's list.
        json_name_key: the key of a model's name.
        json_capabilities_key: the key of a model's capabilities.

    Raises:
        ValueError: no Ollama server answers at the URL.

    """
    listing = await _request(base_url_value, "api/tags")
    if listing is None:
        raise ValueError(
            f"No Ollama server answers at {displayed_url(base_url_value)}. Check the URL and whether the server runs."
        )
    names: list[str] = []
    for model in listing.get(json_models_key, []):
        name = model.get(json_name_key)
        details = await _request(base_url_value, "api/show", {"model": name})
        if details and desired_capability in details.get(json_capabilities_key, []):
            names.append(str(name))
    return sorted(names)


async def _request(base_url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Return the JSON object in the response of an Ollama server, or None if the request fails."""
    import httpx2

    url = f"{base_url.rstrip('/').removesuffix('/v1')}/{path}"
    try:
        async with current_context("The list of Ollama's models").egress.client(REQUEST_TIMEOUT_SECONDS) as client:
            response = await (client.get(url) if body is None else client.post(url, json=body))
            return dict(response.json()) if response.status_code == 200 else None
    except (httpx2.HTTPError, ValueError):
        return None
