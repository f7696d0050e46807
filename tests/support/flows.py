"""Create flows over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2


def create_flow(client: httpx2.Client, data: dict[str, Any], **columns: Any) -> str:
    """Create a flow with a unique name and return its id.

    Args:
        client: a client of the server, with credentials.
        data: the nodes and edges of the flow.
        columns: other keys of the request body.

    """
    response = client.post("/api/v1/flows/", json={"name": f"flow {uuid.uuid4()}", "data": data, **columns})
    assert response.status_code == 201, response.text
    return str(response.json()["id"])
