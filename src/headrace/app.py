"""Builds the ASGI application: its routes, middleware and error handlers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import Scope

from headrace import __version__
from headrace.api import errors
from headrace.api.authentication import FRONTEND_MOUNT, AuthenticationMiddleware
from headrace.api.browser_pages import install_browser_pages
from headrace.api.dependencies import Services
from headrace.api.http.body_budget import BodyBudget
from headrace.api.http.body_limits import BodyLimitMiddleware, request_limits
from headrace.api.http.path_guard import TrailingNewlineGuard
from headrace.api.http.root_path import RootPathMiddleware
from headrace.api.openapi import install_openapi
from headrace.api.routers import (
    api_keys,
    approvals,
    build,
    component_errors,
    component_store,
    config,
    custom_component,
    deprecated,
    files_v1,
    files_v2,
    flows,
    folders,
    health,
    jobs,
    knowledge_bases,
    login,
    logs,
    mcp,
    mcp_projects,
    mcp_servers,
    mcp_settings,
    metrics,
    monitor,
    openai,
    projects,
    public_build,
    registration,
    run,
    users,
    validate,
    variables,
    voice,
    webhook,
)
from headrace.api.routers.frontend import frontend
from headrace.api.welcome_page import install_welcome_page
from headrace.errors import HeadraceError
from headrace.lifespan import build_services
from headrace.logs.access_log import CLIENT_CLOSED_REQUEST, log_request
from headrace.logs.request_id import RequestIdMiddleware
from headrace.metrics.counters import ServerCounters
from headrace.settings import Settings, load_settings

log = logging.getLogger(__name__)

#: In the order in which paths are matched.
ROUTERS = (
    # The most frequent request is matched first.
    run.run_router,
    run.router,
    build.router,
    openai.langflow_router,
    openai.openai_router,
    public_build.router,
    webhook.router,
    jobs.router,
    health.router,
    login.router,
    config.router,
    users.router,
    api_keys.router,
    approvals.router,
    projects.router,
    folders.router,
    flows.router,
    flows.starters_router,
    files_v1.router,
    files_v2.router,
    # After the routes of Langflow below the same prefix.
    openai.router,
    variables.router,
    mcp_servers.router,
    monitor.router,
    validate.router,
    custom_component.router,
    component_errors.router,
    knowledge_bases.router,
    component_store.router,
    deprecated.router,
    logs.router,
    mcp.router,
    mcp_projects.router,
    mcp_settings.router,
    mcp_settings.metadata_router,
    metrics.router,
    registration.router,
    voice.router,
)


def create_app(settings: Settings | None = None, on_start: Callable[[Services], None] | None = None) -> FastAPI:
    """Return the application. It opens nothing until it starts.

    Args:
        settings: The settings, by default those of the environment.
        on_start: Called on the event loop with the services, once they have started.

    """
    settings = settings or load_settings()
    counters = ServerCounters()

    def end_request(scope: Scope, status: int, seconds: float) -> None:
        counters.count_request(scope["method"], status or CLIENT_CLOSED_REQUEST, seconds)
        log_request(scope, status, seconds)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with build_services(settings, counters) as state:
                app.state.headrace = state
                if on_start is not None:
                    on_start(state)
                yield
        except HeadraceError as error:
            log.critical("%s", error.message)
            raise

    app = FastAPI(
        title="headrace",
        version=__version__,
        lifespan=lifespan,
        # FastAPI's own pages load scripts from other hosts; `install_browser_pages` replaces them.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # Clients that send JSON without saying so worked before; a cookie from another site's page is checked elsewhere.
        strict_content_type=False,
    )
    errors.register_exception_handlers(app)
    install_openapi(app, settings.server.root_path)
    for router in ROUTERS:
        app.include_router(router)
    install_browser_pages(app)
    if not settings.server.backend_only:
        if settings.server.frontend_path is None:
            install_welcome_page(app, settings)
        else:
            app.mount("/", frontend(settings.server.frontend_path.expanduser()), name=FRONTEND_MOUNT)
    app.add_middleware(
        BodyLimitMiddleware,
        limits=request_limits(settings.server, settings.storage),
        budget=BodyBudget(settings.server.max_body_bytes_in_flight),
    )
    # Outside of the limits on bodies, which depend on the credentials.
    app.add_middleware(AuthenticationMiddleware)
    app.add_middleware(TrailingNewlineGuard)
    if settings.server.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.server.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_credentials=settings.server.cors_allow_credentials and "*" not in settings.server.cors_origins,
        )
    if settings.server.root_path:
        app.add_middleware(RootPathMiddleware, root_path=settings.server.root_path)
    app.add_middleware(RequestIdMiddleware, on_end=end_request)
    return app
