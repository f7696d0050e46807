"""The MCP server of the process: opens the sessions of each user on first use, and tells clients when lists change."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace import __version__
from headrace.db.changes import Change, Topic
from headrace.errors import FeatureDisabledError
from headrace.mcp.provider import Caller
from headrace.runs.errors import ServerStoppingError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from headrace.db.database import Database
    from headrace.mcp.user_sessions import UserSessions
    from headrace.services.mcp_provider import ListSnapshot, StoredFlowsProvider
    from headrace.settings import McpServerSettings, ServerSettings

log = logging.getLogger(__name__)

#: How often the sessions of users without clients are closed, in seconds.
SWEEP_INTERVAL_SECONDS = 60.0
#: Changes within this time are reported together, in seconds.
NOTIFY_DELAY_SECONDS = 0.05


class McpServerDisabledError(FeatureDisabledError):
    """The operator has switched the MCP server off."""

    def __init__(self) -> None:
        super().__init__("The MCP server is off. An operator can set LANGFLOW_MCP_SERVER_ENABLED=true.")


class SessionsDisabledError(FeatureDisabledError):
    """The server opens no sessions, which the SSE transport needs."""

    def __init__(self) -> None:
        super().__init__(
            "The SSE transport needs sessions, and this server opens none, because it has several processes or because of "
            "HEADRACE_MCP_STATELESS. Connect over streamable HTTP: replace /sse in the address by /streamable."
        )


class McpServer:
    """Serves MCP clients of all users. The SDK is imported at the first request."""

    def __init__(
        self,
        provider: StoredFlowsProvider,
        database: Database,
        settings: McpServerSettings,
        server_settings: ServerSettings,
    ) -> None:
        """Create the server.

        Args:
            provider: the tools, resources and prompts of users.
            database: reports changes of flows and files.
            settings: the limits of sessions.
            server_settings: the number of processes, and the size of bodies.

        """
        self._provider = provider
        self._settings = settings
        self._server_settings = server_settings
        self._users: dict[UUID, UserSessions] = {}
        #: The lists of each user that clients were last told of.
        self._snapshots: dict[UUID, ListSnapshot] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed: set[UUID] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._is_closed = False
        database.changes.subscribe(self)

    async def serve(self, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request over streamable HTTP.

        Raises:
            McpServerDisabledError: The operator has switched the server off.

        """
        sessions = await self._sessions(caller.owner)
        await sessions.serve(caller, scope, receive, send)

    async def serve_sse(self, caller: Caller, endpoint: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a session over the older SSE transport and serve its stream.

        Args:
            caller: the user as whom the client acts.
            endpoint: the path to which the client posts its messages.
            scope: the ASGI scope of the request.
            receive: receives the end of the connection.
            send: sends the stream.

        Raises:
            SessionsDisabledError: The server opens no sessions.
            TooManySessionsError: The user has the maximum number of open sessions.

        """
        if self._is_stateless:
            raise SessionsDisabledError
        sessions = await self._sessions(caller.owner)
        await sessions.serve_sse(endpoint, scope, receive, send)

    async def serve_sse_message(
        self, caller: Caller, endpoint: str, session_id: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Accept a message of a session over SSE."""
        sessions = await self._sessions(caller.owner)
        await sessions.serve_sse_message(endpoint, session_id, caller, scope, receive, send)

    def find_sse_request(self, session_id: str) -> Scope | None:
        """Return the request that opened a session over SSE, or None if no such session is open."""
        requests = (sessions.find_sse_request(session_id) for sessions in self._users.values())
        return next((request for request in requests if request is not None), None)

    @property
    def _is_stateless(self) -> bool:
        return self._settings.stateless or self._server_settings.workers > 1

    def check_enabled(self) -> None:
        """Check that the server accepts requests.

        Raises:
            McpServerDisabledError: The operator has switched the server off.
            ServerStoppingError: The process is being stopped.

        """
        if not self._settings.enabled:
            raise McpServerDisabledError
        if self._is_closed:
            raise ServerStoppingError

    async def _sessions(self, owner: UUID) -> UserSessions:
        self.check_enabled()
        if owner not in self._users:
            # The import takes about a second; other requests continue.
            module = await asyncio.to_thread(importlib.import_module, "headrace.mcp.user_sessions")
            snapshot = await self._provider.snapshot(owner)
            # Another request may have been faster.
            if owner not in self._users:
                self._snapshots[owner] = snapshot
                self._users[owner] = module.UserSessions(self._provider, self._options(module))
            if self._sweeper is None:
                self._sweeper = asyncio.create_task(self._sweep(), name="mcp-sweep")
        return self._users[owner]

    def _options(self, module: Any) -> Any:
        return module.SessionOptions(
            max_sessions=self._settings.max_sessions,
            idle_seconds=self._settings.session_idle_seconds,
            max_body_bytes=self._server_settings.max_request_bytes,
            stateless=self._is_stateless,
            reports_progress=self._settings.progress_notifications,
            version=__version__,
        )

    def invalidate(self, changes: Collection[Change]) -> None:
        """Tell the clients of the users whose flows or files have changed."""
        if self._users:
            owners = {change.key for change in changes if change.topic is Topic.LISTS}
            self._schedule([owner for owner in self._users if str(owner) in owners])

    def clear(self) -> None:
        """Tell the clients of every user whose lists differ: changes may have been missed."""
        self._schedule(list(self._users))

    def _schedule(self, owners: Collection[UUID]) -> None:
        for owner in owners:
            if owner not in self._changed:
                self._changed.add(owner)
                task = asyncio.create_task(self._notify(owner), name="mcp-notify")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _notify(self, owner: UUID) -> None:
        await asyncio.sleep(NOTIFY_DELAY_SECONDS)
        self._changed.discard(owner)
        try:
            before, now = self._snapshots.get(owner), await self._provider.snapshot(owner)
            sessions = self._users.get(owner)
            if sessions is None or before is None:
                return
            self._snapshots[owner] = now
            await sessions.notify(tools=before.tools != now.tools, resources=before.files != now.files)
        except Exception:
            log.exception("MCP clients could not be notified of changed lists")

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_SECONDS)
            for owner, sessions in list(self._users.items()):
                if sessions.is_idle:
                    del self._users[owner]
                    self._snapshots.pop(owner, None)
                    await sessions.close()

    async def close(self) -> None:
        """End all sessions and streams, and accept no further requests."""
        self._is_closed = True
        tasks = [*self._tasks, *([self._sweeper] if self._sweeper is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        users, self._users = self._users, {}
        await asyncio.gather(*(sessions.close() for sessions in users.values()))
