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
from headrace.api import (
    about,
    api_keys,
    approvals,
    build,
    component_store,
    custom_component,
    deprecated,
    errors,
    files_v1,
    files_v2,
    flows,
    folders,
    health,
    jobs,
    knowledge_bases,
    login,
    logs,
    monitor,
    openai,
    projects,
    public_build,
    registration,
    run,
    users,
    validate,
    variables,
    webhook,
)
from headrace.api.catalogue import Catalogue
from headrace.api.frontend import frontend
from headrace.api.json_body import BodyLimit
from headrace.api.openapi import describe
from headrace.api.state import State, require_caller
from headrace.api.upload import FRAME_BYTES, UPLOAD_PATHS
from headrace.api.whole_path import WholePath
from headrace.auth.callers import Callers
from headrace.auth.rate import RateLimit
from headrace.auth.secret_key import secret_key
from headrace.auth.tokens import Tokens
from headrace.compat.folders import ComponentFolders
from headrace.component.registry import Registry
from headrace.component_store import ComponentStore
from headrace.errors import HeadraceError
from headrace.files.knowledge import KnowledgeBases
from headrace.files.shelf import Shelf
from headrace.files.storage import storage_of
from headrace.isolation.limits import Limits
from headrace.isolation.workers import Workers
from headrace.log_buffer import LogBuffer
from headrace.runs.builds import Builds
from headrace.runs.jobs import Jobs
from headrace.runs.keeping import KeepingLimits
from headrace.runs.people_code import InProcess, PeopleCode
from headrace.runs.runner import Runner
from headrace.runs.surroundings import Surroundings
from headrace.settings import Settings, load_settings
from headrace.starter.first_user import prepare
from headrace.starter.library import Starters
from headrace.store.secrets import VariableCipher
from headrace.store.store import Store

log = logging.getLogger(__name__)

#: In the order in which an address is looked for: runs first, since each that stands before them costs every run.
ROUTERS = (
    run.router,
    build.router,
    openai.router,
    public_build.router,
    webhook.router,
    jobs.router,
    health.router,
    login.router,
    about.router,
    users.router,
    api_keys.router,
    approvals.router,
    projects.router,
    folders.router,
    flows.router,
    flows.starters_router,
    files_v1.router,
    files_v2.router,
    variables.router,
    monitor.router,
    validate.router,
    custom_component.router,
    knowledge_bases.router,
    component_store.router,
    deprecated.router,
    logs.router,
    registration.router,
)

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

    app = FastAPI(
        title="headrace",
        version=__version__,
        lifespan=lifespan,
        dependencies=[Depends(require_caller)],
        # Clients that send JSON without saying so worked before; a cookie from another site's page is checked elsewhere.
        strict_content_type=False,
    )
    errors.install(app)
    describe(app)
    for router in ROUTERS:
        app.include_router(router)
    if settings.frontend_path is not None and not settings.backend_only:
        app.mount("/", frontend(settings.frontend_path.expanduser()), name="frontend")
    largest = settings.max_file_size_upload * (1 << 20) + FRAME_BYTES
    app.add_middleware(BodyLimit, limit=settings.max_request_bytes, uploads=dict.fromkeys(UPLOAD_PATHS, largest))
    app.add_middleware(WholePath)
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
    starters = Starters(registry) if settings.create_starter_projects else None
    cipher = VariableCipher(secret)
    storage = storage_of(settings)
    buffer = LogBuffer(settings.log_retriever_buffer_size) if settings.log_retriever_buffer_size else None
    store = Store(settings)
    await store.open()
    around = Surroundings.of(settings)
    tokens = Tokens(secret, settings.access_token_expire_seconds, settings.refresh_token_expire_seconds)
    callers = Callers(store, tokens, count_uses=not settings.disable_track_apikey_usage)
    shelf = Shelf(store, storage, settings.max_file_size_upload * (1 << 20))
    limits = Limits(memory=settings.code_memory, seconds=settings.code_seconds, file=settings.code_file_size)
    workers = Workers(limits, around.egress, most=settings.code_workers, idle_seconds=settings.code_idle_seconds)
    loader = workers if settings.isolates_code else InProcess()
    code = PeopleCode(store, registry, settings.custom_code, loader, workers)
    runner = Runner(
        store=store,
        registry=registry,
        around=around,
        cipher=cipher,
        fallback=settings.fallback_to_env_var,
        timeout=settings.run_timeout_seconds,
        most=settings.max_runs,
        heartbeat=settings.heartbeat_seconds,
        code=code,
        shelf=shelf,
        limits=KeepingLimits(settings.max_vertex_builds_per_vertex, settings.max_transactions_to_keep),
    )
    builds = Builds(runner, store)
    work = Jobs(
        store,
        runner,
        at_once=settings.max_jobs,
        most_waiting=settings.max_waiting_jobs,
        lease=settings.job_lease_seconds,
    )
    catalogue = Catalogue(registry)

    def components_changed() -> None:
        catalogue.forget()
        runner.forget_plans()

    folders_of_components = ComponentFolders(settings.components_path, registry, components_changed)
    counting: asyncio.Task[Any] | None = None
    try:
        if buffer is not None:
            logging.getLogger().addHandler(buffer)
        await prepare(store, settings, starters, cipher)
        await folders_of_components.start()
        await work.start()
        counting = asyncio.create_task(_count(callers), name="api-key-uses")
        # What start-up made stays: the collector need not look at it again, and looks less often at what requests make.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS, 20, 20)
        yield State(
            settings=settings,
            store=store,
            tokens=tokens,
            callers=callers,
            runner=runner,
            catalogue=catalogue,
            shelf=shelf,
            knowledge=KnowledgeBases(settings.knowledge_bases_folder),
            cipher=cipher,
            builds=builds,
            jobs=work,
            code=code,
            component_store=ComponentStore(settings, around.egress),
            egress=around.egress,
            logs=buffer,
            starters=starters,
            public_rate=RateLimit(settings.public_runs_per_minute),
            webhook_rate=RateLimit(settings.webhooks_per_minute),
        )
    finally:
        if counting is not None:
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
            await callers.save_uses()
        if buffer is not None:
            logging.getLogger().removeHandler(buffer)
        await folders_of_components.stop()
        await builds.close()
        await work.stop()
        runner.close()
        await workers.close()
        await around.close()
        await store.close()


async def _count(callers: Callers) -> None:
    while True:
        await asyncio.sleep(COUNT_SECONDS)
        await callers.save_uses()
