"""The figures of the server for Prometheus."""

from typing import Any

from fastapi import APIRouter, Request, Response

from headrace.api.authentication import authenticate
from headrace.api.dependencies import ServicesDep
from headrace.errors import ForbiddenError
from headrace.metrics.exposition import CONTENT_TYPE

router = APIRouter(tags=["Metrics"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "The figures"},
    401: {"description": "The bearer token is not valid"},
    403: {"description": "The credentials are missing, or the user is not a superuser"},
}


@router.get("/metrics", response_class=Response, responses=_RESPONSES)
async def metrics(request: Request, server: ServicesDep) -> Response:
    """Return counts of requests and runs and present values, for superusers and for the holder of the metrics token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not (scheme.lower() == "bearer" and server.metrics.is_token(token.strip())):
        user = await authenticate(request.scope)
        if not user.is_superuser:
            raise ForbiddenError("Only superusers may read the metrics, and clients that send HEADRACE_METRICS_TOKEN.")
    return Response(await server.metrics.format(), media_type=CONTENT_TYPE)
