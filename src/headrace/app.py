"""Builds the application: its parts at start, its routes, and the order in which all of it ends."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

import headrace.components
from headrace import __version__
from headrace.api import about, api_keys, errors, flows, health, login, monitor, projects, run, users
from headrace.api.catalogue import Catalogue
from headrace.api.json_body import BodyLimit
from headrace.api.openapi import describe
from headrace.api.state import State, require_caller
from headrace.auth.callers import Callers
from headrace.auth.secret_key import secret_key
from headrace.auth.tokens import Tokens
from headrace.component.registry import Registry
from headrace.errors import HeadraceError
from headrace.runs.runner import Runner
from headrace.runs.surroundings import Surroundings
from headrace.settings import Settings, load_settings
from headrace.starter import prepare
from headrace.store.secrets import VariableCipher
from headrace.store.store import Store

log = logging.getLogger(__name__)

#: So many more objects made than freed start a collection.
GC_ALLOCATIONS = 20_000

#: How often the use counts of API keys are written, seconds.
COUNT_SECONDS = 5.0


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application for these settings, by default the environment's. Nothing is opened until it starts."""
    settings = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with running(settings) as state:
                app.state.headrace = state
                yield
        except HeadraceError as error:
            log.critical("%s", error.message)
            raise

    app = FastAPI(title="headrace", version=__version__, lifespan=lifespan, dependencies=[Depends(require_caller)])
    errors.install(app)
    describe(app)
    for module in (health, login, about, users, api_keys, projects, flows, monitor, run):
        app.include_router(module.router)
    app.add_middleware(BodyLimit, limit=settings.max_request_bytes)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            allow_credentials=settings.cors_allow_credentials and "*" not in settings.cors_origins,
        )
    return app


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[State]:
    """Start every part, yield them, and stop them in the opposite order."""
    secret = secret_key(settings)
    registry = Registry.of_package(headrace.components)
    store = Store(settings)
    await store.open()
    around = Surroundings.of(settings)
    tokens = Tokens(secret, settings.access_token_expire_seconds, settings.refresh_token_expire_seconds)
    callers = Callers(store, tokens)
    runner = Runner(
        store=store,
        registry=registry,
        around=around,
        cipher=VariableCipher(secret),
        fallback=settings.fallback_to_env_var,
        timeout=settings.run_timeout_seconds,
    )
    counting: asyncio.Task[Any] | None = None
    try:
        await prepare(store, settings, registry)
        counting = asyncio.create_task(_count(callers), name="api-key-uses")
        # What start-up made stays: the collector need not look at it again, and looks less often at what requests make.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS, 20, 20)
        yield State(settings, store, tokens, callers, runner, Catalogue(registry))
    finally:
        if counting is not None:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
            await callers.save_uses()
        runner.close()
        await around.close()
        await store.close()


async def _count(callers: Callers) -> None:
    while True:
        await asyncio.sleep(COUNT_SECONDS)
        await callers.save_uses()
