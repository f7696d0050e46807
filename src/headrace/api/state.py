"""What the routers work with: made once at start, handed to each by a dependency."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from headrace.api.catalogue import Catalogue
from headrace.api.errors import ForbiddenError
from headrace.auth import keys
from headrace.auth.attempts import LoginAttempts
from headrace.auth.callers import Caller, Callers
from headrace.auth.errors import CrossSiteError, InvalidTokenError, MissingCredentialsError
from headrace.auth.rate import RateLimit
from headrace.auth.tokens import Tokens
from headrace.component_store import ComponentStore
from headrace.egress import GuardedEgress
from headrace.files.knowledge import KnowledgeBases
from headrace.files.shelf import Shelf
from headrace.log_buffer import LogBuffer
from headrace.runs.builds import Builds
from headrace.runs.jobs import Jobs
from headrace.runs.people_code import PeopleCode
from headrace.runs.runner import Runner
from headrace.settings import Settings
from headrace.starter.library import Starters
from headrace.store.secrets import VariableCipher
from headrace.store.store import Store

ACCESS_COOKIE = "access_token_lf"
REFRESH_COOKIE = "refresh_token_lf"
STORE_KEY_COOKIE = "apikey_tkn_lflw"
KEY_NAME = "x-api-key"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

#: The only routes that anybody may call.
PUBLIC_PATHS = {
    "/health",
    "/health_check",
    "/api/v1/version",
    "/api/v1/login",
    "/api/v1/logout",
    "/api/v1/refresh",
    "/api/v1/auto_login",
    "/api/v1/flows/basic_examples/",
    "/api/v1/flows/public_flow/{flow_id}",
    "/api/v1/build_public_tmp/{flow_id}/flow",
    "/api/v1/build_public_tmp/{job_id}/events",
    "/api/v1/build_public_tmp/{job_id}/cancel",
    # Who may begin which flow is decided there.
    "/api/v1/webhook/{flow_id_or_name}",
    "/api/v1/files/profile_pictures/list",
    "/api/v1/files/profile_pictures/{folder_name}/{file_name}",
    "/docs",
    "/docs/oauth2-redirect",
    "/openapi.json",
    "/redoc",
}


@dataclass(slots=True)
class State:
    """The parts of a running server."""

    settings: Settings
    store: Store
    tokens: Tokens
    callers: Callers
    runner: Runner
    catalogue: Catalogue
    shelf: Shelf
    knowledge: KnowledgeBases
    cipher: VariableCipher
    builds: Builds
    jobs: Jobs
    code: PeopleCode
    component_store: ComponentStore
    egress: GuardedEgress
    logs: LogBuffer | None = None
    #: The starter flows, where the operator wants them.
    starters: Starters | None = None
    public_rate: RateLimit = field(default_factory=lambda: RateLimit(60))
    webhook_rate: RateLimit = field(default_factory=lambda: RateLimit(600))
    attempts: LoginAttempts = field(default_factory=LoginAttempts)


def state_of(request: Request) -> State:
    """Return the running server's parts. The hottest route calls it; the others take `Server`, which costs a dependency."""
    return cast("State", request.app.state.headrace)


async def _state(request: Request) -> State:
    return state_of(request)


Server = Annotated[State, Depends(_state)]


async def require_caller(request: Request) -> None:
    """Let a request through where it is public, or says who calls. Stands before every route of the application."""
    route = request.scope.get("route")
    if getattr(route, "path", request.url.path) in PUBLIC_PATHS:
        return
    request.state.caller = await _resolve(request, state_of(request))


async def _resolve(request: Request, server: State) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip().startswith(keys.MARK):
        # OpenAI's clients send their key so.
        return await server.callers.by_key(token.strip())
    if scheme.lower() == "bearer" and token:
        return await server.callers.by_token(token.strip())
    key = request.headers.get(KEY_NAME) or request.query_params.get(KEY_NAME)
    if key:
        return await server.callers.by_key(key)
    cookie = request.cookies.get(ACCESS_COOKIE)
    if cookie:
        _check_same_site(request, server.settings)
        return await server.callers.by_token(cookie)
    raise MissingCredentialsError


async def require_credentials(request: Request) -> Caller:
    """Return who calls a public route that wants to know after all; raises where nobody does."""
    return await _resolve(request, state_of(request))


async def caller_if_any(request: Request) -> Caller | None:
    """Return who calls a public route, or None for a stranger. Credentials that are no good are refused."""
    try:
        return await require_credentials(request)
    except MissingCredentialsError:
        return None


def _check_same_site(request: Request, settings: Settings) -> None:
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise CrossSiteError
        return
    if origin.partition("://")[2] != request.headers.get("host") and origin not in settings.cors_origins:
        raise CrossSiteError


def caller_of(request: Request) -> Caller:
    """Return who calls.

    Raises:
        InvalidTokenError: the route is public, so that nobody asked.

    """
    caller = getattr(request.state, "caller", None)
    if caller is None:
        raise InvalidTokenError
    return cast("Caller", caller)


async def _caller(request: Request) -> Caller:
    return caller_of(request)


CallerNow = Annotated[Caller, Depends(_caller)]


async def _superuser(request: Request) -> Caller:
    caller = caller_of(request)
    if not caller.is_superuser:
        raise ForbiddenError("The user doesn't have enough privileges")
    return caller


#: A caller who is a superuser; anybody else gets 403.
Superuser = Annotated[Caller, Depends(_superuser)]
