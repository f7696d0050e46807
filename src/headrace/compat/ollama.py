"""What an Ollama server has, for the fields of components."""

from __future__ import annotations

from typing import Any

from headrace.compat.current import context_of


async def is_valid_ollama_url(url: str) -> bool:
    """Return whether an Ollama server answers at an address."""
    return await _ollama(url, "api/tags") is not None


async def get_ollama_models(
    base_url_value: str,
    desired_capability: str,
    json_models_key: str = "models",
    json_name_key: str = "name",
    json_capabilities_key: str = "capabilities",
) -> list[str]:
    """Return the models of an Ollama server that can do something: `completion`, `tools`, `embedding`.

    Raises:
        ValueError: no server answers there.

    """
    listed = await _ollama(base_url_value, "api/tags")
    if listed is None:
        raise ValueError(f"No Ollama server answers at {base_url_value}.")
    found: list[str] = []
    for one in listed.get(json_models_key, []):
        name = one.get(json_name_key)
        shown = await _ollama(base_url_value, "api/show", {"model": name})
        if shown and desired_capability in shown.get(json_capabilities_key, []):
            found.append(str(name))
    return sorted(found)


async def _ollama(base_url: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
    import httpx2

    url = f"{base_url.rstrip('/').removesuffix('/v1')}/{path}"
    try:
        async with context_of("The list of Ollama's models").egress.client(10) as client:
            answer = await (client.get(url) if body is None else client.post(url, json=body))
            return dict(answer.json()) if answer.status_code == 200 else None
    except (httpx2.HTTPError, ValueError):
        return None
