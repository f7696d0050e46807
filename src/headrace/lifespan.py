"""Starts the services of a server and stops them in the opposite order."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import headrace.components
from headrace.api.dependencies import Services
from headrace.auth.authenticator import Authenticator
from headrace.auth.secret_key import FILE_NAME, has_secret_key, secret_key
from headrace.component.registry import Registry
from headrace.composition import (
    create_engine,
    create_linked_source,
    create_logins,
    create_metrics,
    create_services,
    create_starters,
)
from headrace.db import variables
from headrace.db.database import Database
from headrace.db.encryption import VariableCipher
from headrace.isolation.host.worker_folder import remove_stale_folders
from headrace.limits.fair_threads import FairThreads
from headrace.logs.buffer import LogBuffer
from headrace.logs.queued_handler import log_written_in_thread
from headrace.metrics.counters import ServerCounters
from headrace.metrics.process_files import ProcessFiles
from headrace.services.linked_file_sync import LinkedFileSync
from headrace.services.superuser import ensure_superuser
from headrace.services.users import UserService
from headrace.services.variables import VariableService
from headrace.settings import Settings, SettingsError

log = logging.getLogger(__name__)

#: Objects that are created more than freed before the garbage collector runs. Requests create many short-lived ones.
GC_ALLOCATIONS = 20_000

#: Threads of the event loop's default executor. Users share them, like those of components.
DEFAULT_EXECUTOR_THREADS = 32

#: How often the use counts of API keys are stored.
KEY_USAGE_INTERVAL_SECONDS = 5.0


@asynccontextmanager
async def build_services(settings: Settings, counters: ServerCounters | None = None) -> AsyncIterator[Services]:
    """Start the services, yield them, and stop them in the opposite order.

    Args:
        settings: The settings of the server.
        counters: Counts what happens in this process.

    Raises:
        DatabaseOpenError: The database cannot be opened.
        SettingsError: The secret key of the stored credentials is missing, or another setting cannot be used.

    """
    # Any package may use the default executor for the work of a user.
    asyncio.get_running_loop().set_default_executor(FairThreads(DEFAULT_EXECUTOR_THREADS, name="shared"))
    database = Database(settings)
    await database.open()
    try:
        secret = await _load_secret_key(settings, database)
        async with _start_services(settings, database, secret, counters or ServerCounters()) as services:
            yield services
    finally:
        await database.close()


async def _load_secret_key(settings: Settings, database: Database) -> str:
    """Return the secret key. Generate it only if no stored credential needs an earlier one."""
    if not has_secret_key(settings):
        async with database.connect() as connection:
            needs_key = await variables.has_secrets(connection)
        if needs_key:
            raise SettingsError(
                f"The file {settings.storage.config_folder / FILE_NAME} is missing, and the database contains credentials that "
                "only its key decrypts. Restore it from a backup. If it is lost, set LANGFLOW_SECRET_KEY to a new random key of "
                "32 bytes or more, and store the credentials again."
            )
    return secret_key(settings)


@asynccontextmanager
async def _start_services(
    settings: Settings, database: Database, secret: str, counters: ServerCounters
) -> AsyncIterator[Services]:
    # Whatever fails, at the start or at the end, the rest is closed nevertheless.
    async with AsyncExitStack() as stack:
        stack.enter_context(log_written_in_thread())
        engine = create_engine(settings, database, secret, counters)
        stack.push_async_callback(engine.resources.close)
        stack.push_async_callback(engine.workers.close)
        stack.push_async_callback(engine.mcp.connections.close)
        stack.callback(engine.runner.close)
        stack.callback(engine.model_warm_up.close)
        stack.push_async_callback(engine.job_worker.stop)
        stack.push_async_callback(engine.builds.close)
        logins = create_logins(settings, database, secret)
        stack.callback(logins.passwords.hasher.close)
        linked_source = create_linked_source(settings, engine.registry)
        metrics_files = (
            ProcessFiles(settings.storage.config_folder / "metrics") if settings.server.workers > 1 else None
        )
        metrics = create_metrics(engine, counters, metrics_files)
        buffer = LogBuffer(settings.logging.max_buffered_lines) if settings.logging.max_buffered_lines else None
        services = create_services(engine, logins, linked_source, metrics, buffer)
        stack.push_async_callback(services.mcp.close)
        stack.callback(services.voice_sessions.close)
        if buffer is not None:
            logging.getLogger().addHandler(buffer)
            stack.callback(logging.getLogger().removeHandler, buffer)
        if settings.isolates_code:
            await asyncio.to_thread(remove_stale_folders)
        await ensure_superuser(settings, services.users, services.variables)
        await engine.component_folders.start()
        stack.push_async_callback(engine.component_folders.stop)
        await engine.job_worker.start()
        linked_file_sync = LinkedFileSync(
            database, services.flows, engine.runner, linked_source, settings.storage.flow_poll_milliseconds / 1000
        )
        linked_file_sync.start()
        stack.push_async_callback(linked_file_sync.stop)
        stack.push_async_callback(logins.authenticator.flush_usage)
        tasks = [
            asyncio.create_task(engine.model_warm_up.schedule_recent_flows(), name="model-warm-up"),
            asyncio.create_task(_flush_key_usage(logins.authenticator), name="api-key-uses"),
        ]
        stack.push_async_callback(_cancel_all, tasks)
        if metrics_files is not None:
            tasks.append(asyncio.create_task(metrics_files.write_repeatedly(metrics.take_snapshot), name="metrics"))
        # Objects of the start live as long as the process: the garbage collector need not visit them.
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS, 20, 20)
        yield services


async def _cancel_all(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def prepare_database(settings: Settings) -> None:
    """Create the tables, the secret key and the superuser, so that several processes can start at the same time.

    Raises:
        DatabaseOpenError: The database cannot be opened.
        SettingsError: The secret key of the stored credentials is missing, or another setting cannot be used.

    """
    database = Database(settings)
    await database.open()
    try:
        secret = await _load_secret_key(settings, database)
        logins = create_logins(settings, database, secret)
        try:
            starters = create_starters(settings, Registry.from_package(headrace.components))
            user_service = UserService(database, starters, logins.passwords)
            variable_service = VariableService(
                database, VariableCipher(secret), max_variables=settings.limits.max_variables
            )
            await ensure_superuser(settings, user_service, variable_service)
        finally:
            logins.passwords.hasher.close()
    finally:
        await database.close()


async def _flush_key_usage(authenticator: Authenticator) -> None:
    while True:
        await asyncio.sleep(KEY_USAGE_INTERVAL_SECONDS)
        try:
            await authenticator.flush_usage()
        except Exception:
            log.exception("The uses of API keys could not be stored. Trying again")
