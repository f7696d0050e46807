"""The MCP server of flows: the messages of the protocol, in terms of an `McpProvider`.

Protocol: https://modelcontextprotocol.io/specification, implemented by the official SDK. Importing this module imports the
SDK, which takes about a second, so it is imported on first use.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import mcp_types as types
from cachetools import LRUCache
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.subscriptions import ListenHandler
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from headrace.errors import HeadraceError
from headrace.mcp.provider import (
    Caller,
    McpProvider,
    ProgressEvent,
    PromptDefinition,
    Report,
    ResourceDefinition,
    TokenEvent,
    ToolDefinition,
    UnknownItemError,
)

#: The name of the server of all projects, and the start of the name of a project's server.
SERVER_NAME = "headrace"
#: The number of tools, resources or prompts on a page of a list.
PAGE_SIZE = 250
#: Sessions whose log level is in memory; any other has the level `info`.
MAX_LOG_LEVELS = 1000
#: The error code of a resource that does not exist (MCP specification, server/resources).
RESOURCE_NOT_FOUND = -32002
#: The levels of log messages at which clients receive the tokens of models, which have the level `info`.
_TOKEN_LEVELS = frozenset({"debug", "info"})

Context = ServerRequestContext[Any, Any]
T = TypeVar("T")


class FlowServer(Server[Any]):
    """The server of one user's clients, or of a process that serves flow files."""

    def __init__(
        self,
        provider: McpProvider,
        version: str,
        caller_of: Callable[[Context], Caller],
        *,
        reports_progress: bool = True,
        listen: ListenHandler | None = None,
        disconnect_of: Callable[[Context], asyncio.Event | None] = lambda _context: None,
        on_message: Callable[[Context], None] = lambda _context: None,
    ) -> None:
        """Create the server.

        Args:
            provider: the tools, resources and prompts.
            version: the version of headrace.
            caller_of: returns the caller of a message.
            reports_progress: whether clients that want the progress of a call receive it.
            listen: serves the streams of changes of clients with protocol 2026-07-28 or later.
            disconnect_of: returns the event that is set when the client that sent a message disconnects.
            on_message: is called for each message.

        """
        super().__init__(
            SERVER_NAME,
            version=version,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_subscriptions_listen=listen,
        )
        self._provider = provider
        self._caller_of = caller_of
        self._reports_progress = reports_progress
        self._disconnect_of = disconnect_of
        self._on_message = on_message
        #: The level that each session has set, by session id.
        self._log_levels: LRUCache[str | None, str] = LRUCache(MAX_LOG_LEVELS)
        self.add_request_handler("logging/setLevel", types.SetLevelRequestParams, self._set_level)
        # Replaces the SDK's tracing of each message: the server has no telemetry.
        self.middleware[:] = [self._observe]

    def create_initialization_options(
        self,
        notification_options: NotificationOptions | None = None,
        experimental_capabilities: dict[str, dict[str, Any]] | None = None,
        extensions: dict[str, dict[str, Any]] | None = None,
    ) -> InitializationOptions:
        """Return the capabilities, including notifications of changed lists."""
        changes = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
        return super().create_initialization_options(changes, experimental_capabilities, extensions)

    async def _observe(self, ctx: Context, call_next: CallNext) -> HandlerResult:
        self._on_message(ctx)
        result = await call_next(ctx)
        if ctx.method == "initialize" and isinstance(result, dict):
            project_id = self._caller_of(ctx).project_id
            if project_id is not None:
                return {**result, "serverInfo": {**result["serverInfo"], "name": f"{SERVER_NAME}-{project_id}"}}
        return result

    async def _list_tools(self, context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        tools = await _explained(self._provider.list_tools(self._caller_of(context)))
        page, cursor = _page(list(tools), params)
        return types.ListToolsResult(tools=[_tool(tool) for tool in page], next_cursor=cursor)

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        token = (context.meta or {}).get("progress_token")
        report = self._reporter(context, params.name) if token is not None and self._reports_progress else None
        call = self._provider.call_tool(self._caller_of(context), params.name, params.arguments or {}, report)
        answer = await _explained(run_until(call, self._disconnect_of(context)))
        return types.CallToolResult(
            content=[types.TextContent(type="text", text=text) for text in answer.texts],
            structured_content=answer.structured,
            is_error=answer.is_error,
        )

    def _reporter(self, context: Context, tool: str) -> Report:
        sends_tokens = self._wants_tokens(context)
        # Progress must grow with each notification.
        highest = -1

        async def report(event: ProgressEvent | TokenEvent) -> None:
            nonlocal highest
            if isinstance(event, TokenEvent):
                if sends_tokens:
                    data = {"chunk": event.chunk, "message_id": event.message_id}
                    message = types.LoggingMessageNotificationParams(level="info", logger=tool, data=data)
                    await context.session.send_notification(
                        types.LoggingMessageNotification(params=message), related_request_id=context.request_id
                    )
            elif event.done > highest:
                highest = event.done
                await context.session.report_progress(event.done, event.total, event.message)

        return report

    def _wants_tokens(self, context: Context) -> bool:
        """Return whether the client accepts log messages of the level `info`."""
        if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return (context.meta or {}).get(types.LOG_LEVEL_META_KEY) in _TOKEN_LEVELS
        return self._log_levels.get(self._caller_of(context).session_id, "info") in _TOKEN_LEVELS

    async def _set_level(self, context: Context, params: types.SetLevelRequestParams) -> types.EmptyResult:
        self._log_levels[self._caller_of(context).session_id] = params.level
        return types.EmptyResult()

    async def _list_resources(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        resources = await _explained(self._provider.list_resources(self._caller_of(context)))
        page, cursor = _page(list(resources), params)
        return types.ListResourcesResult(resources=[_resource(item) for item in page], next_cursor=cursor)

    async def _read_resource(
        self, context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        uri = str(params.uri)
        try:
            read = self._provider.read_resource(self._caller_of(context), uri)
            resource, content = await _explained(run_until(read, self._disconnect_of(context)))
        except MCPError as error:
            if error.error.code == types.INVALID_PARAMS:
                raise MCPError(RESOURCE_NOT_FOUND, error.error.message, {"uri": uri}) from error
            raise
        return types.ReadResourceResult(contents=[_contents(resource, content)])

    async def _list_prompts(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListPromptsResult:
        prompts = await _explained(self._provider.list_prompts(self._caller_of(context)))
        page, cursor = _page(list(prompts), params)
        return types.ListPromptsResult(prompts=[_prompt(prompt) for prompt in page], next_cursor=cursor)

    async def _get_prompt(self, context: Context, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        text = await _explained(
            self._provider.get_prompt(self._caller_of(context), params.name, params.arguments or {})
        )
        content = types.TextContent(type="text", text=text)
        return types.GetPromptResult(messages=[types.PromptMessage(role="user", content=content)])


async def run_until(work: Coroutine[Any, Any, T], stop: asyncio.Event | None) -> T:
    """Return the result of `work`, which is cancelled if the caller is cancelled or `stop` is set.

    `work` runs in a task of its own: the SDK cancels a handler again at each step of the event loop, so that a run could not
    store in peace what happened.

    Raises:
        MCPError: `stop` was set before the end.

    """
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait()) if stop is not None else None
    try:
        await asyncio.wait({task} if stopped is None else {task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise MCPError(types.CONNECTION_CLOSED, "The client disconnected.")
        return task.result()
    finally:
        if stopped is not None:
            stopped.cancel()
        if not task.done():
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            task.cancel()


async def _explained(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`, with its errors as errors of the protocol."""
    try:
        return await work
    except UnknownItemError as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from error
    except HeadraceError as error:
        raise MCPError(types.INTERNAL_ERROR, error.message) from error


def _page(items: list[T], params: types.PaginatedRequestParams | None) -> tuple[list[T], str | None]:
    """Return the page of a list that a client requests, and the cursor of the next one.

    Raises:
        MCPError: The cursor is not one of this server.

    """
    cursor = params.cursor if params is not None else None
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise MCPError(types.INVALID_PARAMS, "The cursor is not valid. Request the list without a cursor again.")
    start = int(cursor or 0)
    end = start + PAGE_SIZE
    return items[start:end], str(end) if end < len(items) else None


def _tool(tool: ToolDefinition) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
    )


def _resource(resource: ResourceDefinition) -> types.Resource:
    return types.Resource(uri=resource.uri, name=resource.name, mime_type=resource.media_type, size=resource.size)


def _contents(resource: ResourceDefinition, content: bytes) -> types.TextResourceContents | types.BlobResourceContents:
    try:
        return types.TextResourceContents(uri=resource.uri, mime_type=resource.media_type, text=content.decode())
    except UnicodeDecodeError:
        blob = base64.b64encode(content).decode()
        return types.BlobResourceContents(uri=resource.uri, mime_type=resource.media_type, blob=blob)


def _prompt(prompt: PromptDefinition) -> types.Prompt:
    arguments = [types.PromptArgument(name=name, required=required) for name, required in prompt.arguments.items()]
    return types.Prompt(name=prompt.name, title=prompt.title, description=prompt.description, arguments=arguments)
