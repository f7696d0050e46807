"""Flows written in Python: components that are connected with `set`, and a `Graph` of them."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.compat.component import Component, definition_of
from headrace.compat.loader import BUILTINS
from headrace.compat.run_views import ResultData, RunOutputs
from headrace.component.component import ComponentError, output_types
from headrace.component.component_run import run_of
from headrace.component.node_json import node_json
from headrace.component.source import error_line
from headrace.errors import HeadraceError
from headrace.graph.compiler import compile_plan
from headrace.graph.flow import NodeId, parse_flow
from headrace.runs.local import LocalContext, execute_locally
from headrace.runs.request import RunRequest

if TYPE_CHECKING:
    from headrace.component.component import Component as BaseComponent
    from headrace.graph.plan import Plan
    from headrace.graph.result import RunResult, VertexResult

#: The module name of the classes that a file defines.
_MODULE = "headrace_flow"
#: Horizontal distance between nodes, in pixels.
_NODE_SPACING = 400


class PythonFlowError(HeadraceError):
    """The source of a flow fails or defines no flow."""


class Graph:
    """A flow of the components `start` and `end`, and of all components that they depend on."""

    def __init__(
        self,
        start: Component | None = None,
        end: Component | None = None,
        flow_id: str | None = None,
        flow_name: str | None = None,
    ) -> None:
        """Create a flow.

        Args:
            start: The first component.
            end: The last component.
            flow_id: The flow's id; by default a new one.
            flow_name: The flow's name.

        Raises:
            ComponentError: `start` or `end` is missing.

        """
        if start is None or end is None:
            raise ComponentError("A Graph needs a first and a last component: Graph(start, end).")
        self.flow_id = flow_id or str(uuid4())
        self.flow_name = flow_name
        self.session_id = self.flow_id
        self._components: dict[str, Component] = {}
        self._adding: list[Component] = []
        self.add_component(start)
        self.add_component(end)

    def add_component(self, component: Component, component_id: str | None = None) -> str:
        """Add a component with all components that it depends on, and return its id."""
        existing_id = next((i for i, c in self._components.items() if c is component), None)
        if existing_id is not None:
            return existing_id
        if component in self._adding:
            # A cycle: the component depends on itself through others.
            return run_of(component).vertex_id
        number = sum(type(c) is type(component) for c in [*self._components.values(), *self._adding]) + 1
        run_of(component).vertex_id = (
            component_id or run_of(component).vertex_id or f"{type(component).type_name()}-{number}"
        )
        self._adding.append(component)
        for links in definition_of(component).links.values():
            for link in links:
                self.add_component(link.component)
        self._adding.remove(component)
        if run_of(component).vertex_id in self._components:
            raise ComponentError(
                f"Two components have the id {run_of(component).vertex_id!r}. Set another id with the argument _id."
            )
        self._components[run_of(component).vertex_id] = component
        return run_of(component).vertex_id

    def prepare(self) -> None:
        """Check the flow.

        Raises:
            FlowError: The flow cannot be run.

        """
        self._plan()

    def classes(self) -> dict[NodeId, type[BaseComponent]]:
        """Return the component classes by component id."""
        return {NodeId(i): type(c) for i, c in self._components.items()}

    def values(self) -> dict[str, dict[str, Any]]:
        """Return the field values by component id, including objects that a flow file cannot contain."""
        return {i: dict(definition_of(c).values) for i, c in self._components.items()}

    def dump(
        self, name: str | None = None, description: str | None = None, endpoint_name: str | None = None
    ) -> dict[str, Any]:
        """Return the flow as the content of a flow file."""
        nodes = [_node(i, c, n * _NODE_SPACING) for n, (i, c) in enumerate(self._components.items())]
        edges = [
            _edge(link.component, link.output, component, field)
            for component in self._components.values()
            for field, links in definition_of(component).links.items()
            for link in links
        ]
        return {
            "name": name or self.flow_name or "Untitled flow",
            "description": description or "",
            "endpoint_name": endpoint_name,
            "is_component": False,
            "data": {"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}},
        }

    def dumps(self, name: str | None = None, description: str | None = None, endpoint_name: str | None = None) -> str:
        """Return the flow as the JSON text of a flow file."""
        return json.dumps(self.dump(name, description, endpoint_name), indent=2, ensure_ascii=False)

    async def arun(
        self, inputs: list[dict[str, Any]] | None = None, *, session_id: str | None = None
    ) -> list[RunOutputs]:
        """Run the flow once for each of the inputs and return the outputs of each run.

        Raises:
            RunError: A component failed.

        """
        runs: list[RunOutputs] = []
        for fields in inputs or [{}]:
            result = await self._run(self._plan(), _request(fields, session_id))
            runs.append(RunOutputs(fields, [ResultData(str(r.vertex_id), dict(r.outputs)) for r in result.answers]))
        return runs

    def run(self, input_value: str | None = None, *, session_id: str | None = None) -> RunOutputs:
        """Run the flow and return its outputs; see `arun`."""
        inputs = {} if input_value is None else {"input_value": input_value}
        return asyncio.run(self.arun([inputs], session_id=session_id))[0]

    async def async_start(self, inputs: list[dict[str, Any]] | None = None) -> AsyncIterator[VertexResult]:
        """Run the flow and yield the result of each component, in the order of the flow."""
        for fields in inputs or [{}]:
            run = await self._run(self._plan(), _request(fields, None))
            for result in run.vertices.values():
                yield result

    def start(self, inputs: list[dict[str, Any]] | None = None) -> Iterator[VertexResult]:
        """Run the flow and yield the result of each component; see `async_start`."""

        async def collect_results() -> list[VertexResult]:
            return [result async for result in self.async_start(inputs)]

        yield from asyncio.run(collect_results())

    def _plan(self) -> Plan:
        import headrace.components
        from headrace.component.registry import Registry

        return compile_plan(parse_flow(self.dump()["data"]), Registry.from_package(headrace.components), self.classes())

    async def _run(self, plan: Plan, request: RunRequest) -> RunResult:
        from headrace.runs.resources import RunResources
        from headrace.settings import load_settings

        resources = RunResources.from_settings(load_settings())
        try:
            context = LocalContext(self.flow_id, request.session_id or self.session_id, resources)
            return await execute_locally(plan, request, context, self.values())
        finally:
            await resources.close()


def _request(inputs: dict[str, Any], session_id: str | None) -> RunRequest:
    value = inputs.get("input_value")
    return RunRequest(
        input_value=None if value is None else str(value), input_type="any", output_type="any", session_id=session_id
    )


def _node(node_id: str, component: Component, x: int) -> dict[str, Any]:
    node = node_json(type(component))
    for name, value in definition_of(component).values.items():
        field = node["template"].get(name)
        if isinstance(field, dict):
            # A flow file leaves out values that JSON cannot represent; runs from Python use them.
            field["value"] = value if _is_json(value) else field.get("value", "")
            field["load_from_db"] = False
    data = {"id": node_id, "type": type(component).type_name(), "node": node}
    return {"id": node_id, "type": "genericNode", "position": {"x": x, "y": 0}, "data": data}


def _edge(source: Component, output: str, target: Component, field: str) -> dict[str, Any]:
    declared = next((i for i in type(target).inputs if i.name == field), None)
    if declared is None:
        raise ComponentError(f"{type(target).display_name} ({run_of(target).vertex_id}) has no field {field!r}.")
    source_handle = {
        "dataType": type(source).type_name(),
        "id": run_of(source).vertex_id,
        "name": output,
        "output_types": list(output_types(type(source), output)),
    }
    target_handle = {
        "fieldName": field,
        "id": run_of(target).vertex_id,
        "inputTypes": list(declared.input_types or []),
        "type": declared.field_type,
    }
    return {
        "id": f"{run_of(source).vertex_id}-{output}-{run_of(target).vertex_id}-{field}",
        "source": run_of(source).vertex_id,
        "target": run_of(target).vertex_id,
        "sourceHandle": json.dumps(source_handle).replace('"', "œ"),
        "targetHandle": json.dumps(target_handle).replace('"', "œ"),
        "data": {"sourceHandle": source_handle, "targetHandle": target_handle},
    }


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def load_graph(source: str, name: str) -> Graph:
    """Run a flow's Python source and return its `graph`, or the result of its `get_graph()`.

    Args:
        source: Python source of an author who may run code on this machine.
        name: The file name for errors.

    Raises:
        PythonFlowError: The source fails or defines no graph. The message names the line.

    """
    namespace: dict[str, Any] = {"__name__": _MODULE, "__builtins__": BUILTINS}
    try:
        tree = ast.parse(source)
        exec(compile(tree, name, "exec"), namespace)  # noqa: S102 - a file that its caller names on the command line
        for value in namespace.values():
            if isinstance(value, type) and issubclass(value, Component) and value.__module__ == _MODULE:
                value.source = _source_of(tree, value.__name__)
                value.display_name = value.display_name or value.type_name()
        graph = namespace["get_graph"]() if callable(namespace.get("get_graph")) else namespace.get("graph")
    except Exception as error:
        line = error_line(error, name) or 0
        raise PythonFlowError(f"{name}, line {line}: {type(error).__name__}: {error}") from error
    if not isinstance(graph, Graph):
        raise PythonFlowError(f"{name} defines no flow. Assign one to `graph`: graph = Graph(start, end).")
    return graph


def _source_of(tree: ast.Module, name: str) -> str:
    """Return the source of one component of a file: its class and the definitions above it."""
    statements: list[ast.stmt] = []
    for statement in tree.body:
        defines = isinstance(
            statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        )
        if defines or _is_constant(statement):
            statements.append(statement)
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            break
    return ast.unparse(ast.Module(statements, []))


def _is_constant(statement: ast.stmt) -> bool:
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return False
    try:
        ast.literal_eval(statement.value)
    except ValueError:
        return False
    return True
