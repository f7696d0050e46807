"""Component nodes: the node JSON of a component's source."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headrace.compat.importer import import_problem
from headrace.compat.loader import ComponentCodeError
from headrace.compat.recognition import own_component
from headrace.compat.static_parser import has_edit_hooks, parse_component
from headrace.component.component import ComponentError
from headrace.component.node_json import node_json
from headrace.component.source import SourceOutline, import_problems, outline_source
from headrace.component.tools import to_tool_mode
from headrace.errors import BadRequestError, ForbiddenError, HeadraceError, RetryLaterError
from headrace.isolation.host.worker import WorkerDiedError
from headrace.parsing.errors import ParsingLimitError
from headrace.runs.editor_context import ServerEditorContext

if TYPE_CHECKING:
    from uuid import UUID

    from headrace.auth.authenticator import User
    from headrace.component.component import Component
    from headrace.component.registry import Registry
    from headrace.custom_code.custom_code import CustomCode
    from headrace.db.database import Database
    from headrace.runs.flow_resolver import FlowResolver
    from headrace.runs.mcp_access import McpAccess
    from headrace.runs.resources import RunResources

#: Maximum number of sources of one user that are parsed or waiting at the same time, each with its request in memory.
MAX_SOURCES_PER_USER = 16
#: Time after which a user with too many sources should try again, in seconds.
RETRY_SECONDS = 1
#: The keys of an output that are null unless a component sets them. Langflow lists them in nodes made from source.
_UNSET_OUTPUT_KEYS = dict.fromkeys(("hidden", "required_inputs", "loop_types", "options"))


class TooManySourcesError(RetryLaterError):
    """A user has sent too many sources at the same time."""

    def __init__(self) -> None:
        super().__init__(
            f"{MAX_SOURCES_PER_USER} of your sources are already being parsed. Wait until one is ready.", RETRY_SECONDS
        )


class ComponentBuildError(BadRequestError):
    """The source of a component is not valid, or its code failed."""

    @property
    def detail(self) -> object:
        """Return the message under `error`, as Langflow does."""
        return {"error": f"Error building Component: {self.message}"}


@dataclass(frozen=True, slots=True)
class ComponentNode:
    """The type of a component, and its node JSON."""

    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """The problems of a source: missing imports and syntax errors."""

    imports: list[str]
    syntax: list[str]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """The new value of one field of a node.

    Attributes:
        code: the component's source.
        field: the name of the field.
        value: its new value.
        template: the present fields of the node.
        tool_mode: whether the node is a tool of an agent.

    """

    code: str
    field: str
    value: Any
    template: Mapping[str, Any]
    tool_mode: bool


class ComponentNodeService:
    """Builds node JSON.

    A source that has to be run is run if it is approved, or for a user who may run custom code and asks for its node, which
    approves it.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        custom_code: CustomCode,
        resolver: FlowResolver,
        resources: RunResources,
        mcp: McpAccess,
    ) -> None:
        self._database = database
        self._registry = registry
        self._custom_code = custom_code
        self._resolver = resolver
        self._resources = resources
        self._mcp = mcp
        #: The number of sources of each user that are being parsed.
        self._sources: Counter[UUID] = Counter()

    async def check_source(self, caller: User, code: str) -> SourceCheck:
        """Parse a source and look up the modules that it imports. Nothing is imported or run.

        Raises:
            ParsingLimitError: the source takes too long to parse.
            TooManySourcesError: too many of the caller's sources are being parsed.

        """
        outline = await self._outline(caller, code, statements=False)
        return SourceCheck(await _import_problems(outline), outline.syntax)

    async def build_node(self, caller: User, code: str) -> ComponentNode:
        """Return the node of a component that the caller has typed or checked in the editor.

        The source is approved if it is custom code and the caller may run custom code.

        Raises:
            ComponentBuildError: The source is not valid, or its code failed.
            ForbiddenError: The source has to be run, and the caller may not run custom code.

        """
        component = own_component("", code, self._registry)
        if component is not None:
            return _to_component_node(component)
        may_run = self._custom_code.may_run(is_superuser=caller.is_superuser)
        component = await self._parse(caller, code)
        if component is None:
            if not may_run and not await self._custom_code.is_approved(code):
                raise ForbiddenError(
                    "The node of this source can be built only by running it, and you may not run code of your own on "
                    "this server. Ask a superuser; the setting HEADRACE_CUSTOM_CODE controls who may."
                )
            component = await self._load(caller, code)
        node = _to_component_node(component)
        if may_run:
            await self._custom_code.approve_source(caller.id, code, component.display_name)
        return node

    async def update_node(self, caller: User, change: FieldChange) -> dict[str, Any]:
        """Return the node JSON of a component after one of its fields has changed.

        An editor calls this for nodes of imported files, which nobody has checked: the source is neither approved nor, if
        it is not approved, run.

        Raises:
            ComponentBuildError: The source is not valid, or its code failed.
            UnapprovedSourceError: The source has to be run, and is not approved.

        """
        component = own_component("", change.code, self._registry)
        if component is None:
            component = await self._parse(caller, change.code)
            if component is None or has_edit_hooks(component):
                name = component.display_name if component is not None else "this component"
                await self._custom_code.check_source(change.code, name)
                component = await self._load(caller, change.code)
        node = {**node_json(component), "tool_mode": change.tool_mode}
        node["template"] = {**node["template"], **change.template}
        changed_field = node["template"].get(change.field)
        if isinstance(changed_field, dict):
            node["template"][change.field] = {**changed_field, "value": change.value}
        if change.tool_mode:
            node = to_tool_mode(component, node)
        context = ServerEditorContext(self._database, self._resolver, caller.id, self._resources.egress, self._mcp)
        try:
            return _with_output_keys(await component.on_field_change(node, change.field, context))
        except HeadraceError as error:
            raise ComponentBuildError(error.message) from error
        except Exception as error:
            if component.source is None:
                raise
            # The code is the caller's own, so its errors are safe to show.
            raise ComponentBuildError(f"{type(error).__name__}: {error}") from error

    async def _outline(self, caller: User, code: str, *, statements: bool) -> SourceOutline:
        if self._sources[caller.id] >= MAX_SOURCES_PER_USER:
            raise TooManySourcesError
        self._sources[caller.id] += 1
        try:
            return await outline_source(self._resources.parser, code, statements=statements)
        finally:
            self._sources[caller.id] -= 1
            if not self._sources[caller.id]:
                del self._sources[caller.id]

    async def _parse(self, caller: User, code: str) -> type[Component] | None:
        """Return the class that a source declares with constants, or None if only running the source shows it.

        Raises:
            ComponentBuildError: The source is not valid Python, or takes too long to parse.
            TooManySourcesError: Too many of the caller's sources are being parsed.

        """
        try:
            outline = await self._outline(caller, code, statements=True)
        except ParsingLimitError as error:
            raise ComponentBuildError(error.message) from error
        if outline.syntax:
            raise ComponentBuildError(f"Invalid Python code: {outline.syntax[0]}")
        if outline.statements is None or await _import_problems(outline):
            return None
        return await asyncio.to_thread(parse_component, code, outline.statements)

    async def _load(self, caller: User, code: str) -> type[Component]:
        try:
            return await self._custom_code.load(caller.id, code)
        except (ComponentCodeError, WorkerDiedError) as error:
            raise ComponentBuildError(error.message) from error


async def _import_problems(outline: SourceOutline) -> list[str]:
    return await asyncio.to_thread(import_problems, outline.imports, import_problem)


def _to_component_node(component: type[Component]) -> ComponentNode:
    try:
        return ComponentNode(component.type_name(), _with_output_keys(node_json(component)))
    except ComponentError as error:
        raise ComponentBuildError(error.message) from error


def _with_output_keys(node: dict[str, Any]) -> dict[str, Any]:
    """Return a node whose outputs have all the keys of Langflow's nodes made from source."""
    return {**node, "outputs": [{**_UNSET_OUTPUT_KEYS, **output} for output in node["outputs"]]}
