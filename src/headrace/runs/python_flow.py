"""Flows written in Python: components that are `set`, and a `Graph` from the first to the last of them."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from headrace.compat.component import Component
from headrace.compat.loading import BUILTINS
from headrace.compat.views import ResultData, RunOutputs
from headrace.component.component import ComponentError, output_types
from headrace.component.node_json import node_json
from headrace.component.source import failed_line
from headrace.errors import HeadraceError
from headrace.graph.flow import NodeId, parse_flow
from headrace.graph.plan import compile_plan
from headrace.runs.overlay import overlay_of
from headrace.runs.request import RunRequest
from headrace.runs.runner import wanted_vertices
from headrace.runs.standalone import StandaloneContext, run_plan

if TYPE_CHECKING:
    from headrace.component.component import Component as BaseComponent
    from headrace.graph.plan import Plan
    from headrace.graph.result import VertexResult
    from headrace.runs.surroundings import Surroundings

#: The module that a file's own classes say they are of.
_MODULE = "headrace_flow"
#: Pixels between the nodes of a drawing.
_APART = 400


class PythonFlowError(HeadraceError):
    """A flow's Python fails, or holds no flow."""


class Graph:
    """A flow: all components that lead from `start` to `end`, or that hang on them."""

    def __init__(
        self,
        start: Component | None = None,
        end: Component | None = None,
        flow_id: str | None = None,
        flow_name: str | None = None,
    ) -> None:
        """Collect the components.

        Args:
            start: the first.
            end: the last; what leads to it belongs to the flow.
            flow_id: the flow's id; a new one where there is none.
            flow_name: the flow's name.

        Raises:
            ComponentError: one of the two is missing.

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
        """Add a component with all that leads to it, and return its id."""
        known = next((i for i, c in self._components.items() if c is component), None)
        if known is not None:
            return known
        if component in self._adding:
            # It leads back to itself, through others.
            return component.id
        number = sum(type(c) is type(component) for c in [*self._components.values(), *self._adding]) + 1
        component.id = component_id or component.id or f"{type(component).type_name()}-{number}"
        self._adding.append(component)
        for links in component.drawn.links.values():
            for link in links:
                self.add_component(link.component)
        self._adding.remove(component)
        if component.id in self._components:
            raise ComponentError(f"Two components have the id {component.id!r}. Name one otherwise: _id.")
        self._components[component.id] = component
        return component.id

    def prepare(self) -> None:
        """Check the flow.

        Raises:
            FlowError: it cannot be run as it is written.

        """
        self._plan()

    def classes(self) -> dict[NodeId, type[BaseComponent]]:
        """Return the classes of the components, by their ids."""
        return {NodeId(i): type(c) for i, c in self._components.items()}

    def values(self) -> dict[str, dict[str, Any]]:
        """Return what was set, by the components' ids; objects that no file can hold are in it too."""
        return {i: dict(c.drawn.values) for i, c in self._components.items()}

    def dump(
        self, name: str | None = None, description: str | None = None, endpoint_name: str | None = None
    ) -> dict[str, Any]:
        """Return the flow as a flow file has it: the server takes it, and an editor shows it."""
        nodes = [_node(i, c, n * _APART) for n, (i, c) in enumerate(self._components.items())]
        edges = [
            _edge(link.component, link.output, component, field)
            for component in self._components.values()
            for field, links in component.drawn.links.items()
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
        """Return the flow as the text of a flow file."""
        return json.dumps(self.dump(name, description, endpoint_name), indent=2, ensure_ascii=False)

    async def arun(
        self, inputs: list[dict[str, Any]] | None = None, *, session_id: str | None = None
    ) -> list[RunOutputs]:
        """Run the flow once for each of the inputs, and return what each run answers.

        Raises:
            RunError: a component failed.

        """
        answers: list[RunOutputs] = []
        for one in inputs or [{}]:
            plan = self._plan()
            request = _request(one, session_id)
            results = await self._run(plan, request)
            wanted = wanted_vertices(plan, request)
            answers.append(
                RunOutputs(
                    one, [ResultData(str(r.vertex_id), dict(r.outputs)) for r in results if r.vertex_id in wanted]
                )
            )
        return answers

    def run(self, input_value: str | None = None, *, session_id: str | None = None) -> RunOutputs:
        """Run the flow and return what it answers; see `arun`."""
        inputs = {} if input_value is None else {"input_value": input_value}
        return asyncio.run(self.arun([inputs], session_id=session_id))[0]

    async def async_start(self, inputs: list[dict[str, Any]] | None = None) -> AsyncIterator[VertexResult]:
        """Run the flow and yield what each component gave, in the order of the flow."""
        for one in inputs or [{}]:
            for result in await self._run(self._plan(), _request(one, None)):
                yield result

    def start(self, inputs: list[dict[str, Any]] | None = None) -> Iterator[VertexResult]:
        """Run the flow and yield what each component gave; see `async_start`."""

        async def all_of() -> list[VertexResult]:
            return [result async for result in self.async_start(inputs)]

        yield from asyncio.run(all_of())

    def _plan(self) -> Plan:
        import headrace.components
        from headrace.component.registry import Registry

        return compile_plan(parse_flow(self.dump()["data"]), Registry.of_package(headrace.components), self.classes())

    async def _run(self, plan: Plan, request: RunRequest) -> list[VertexResult]:
        from headrace.runs.surroundings import Surroundings
        from headrace.settings import load_settings

        overlay = self.values()
        for vertex, values in overlay_of(plan, request).items():
            overlay[vertex] |= values
        around: Surroundings = Surroundings.of(load_settings())
        try:
            context = StandaloneContext(self.flow_id, request.session_id or self.session_id, around)
            return list((await run_plan(plan, context, overlay)).values())
        finally:
            await around.close()


def _request(inputs: dict[str, Any], session_id: str | None) -> RunRequest:
    said = inputs.get("input_value")
    return RunRequest(
        input_value=None if said is None else str(said), input_type="any", output_type="any", session_id=session_id
    )


def _node(node_id: str, component: Component, x: int) -> dict[str, Any]:
    node = node_json(type(component))
    for name, value in component.drawn.values.items():
        field = node["template"].get(name)
        if isinstance(field, dict):
            # An object that is no JSON is there when the flow is run from Python, and left out of its file.
            field["value"] = value if _is_json(value) else field.get("value", "")
            field["load_from_db"] = False
    data = {"id": node_id, "type": type(component).type_name(), "node": node}
    return {"id": node_id, "type": "genericNode", "position": {"x": x, "y": 0}, "data": data}


def _edge(source: Component, output: str, target: Component, field: str) -> dict[str, Any]:
    declared = next((i for i in target.inputs if i.name == field), None)
    if declared is None:
        raise ComponentError(f"{target.display_name} ({target.id}) has no field {field!r}.")
    given = {
        "dataType": type(source).type_name(),
        "id": source.id,
        "name": output,
        "output_types": list(output_types(type(source), output)),
    }
    taken = {
        "fieldName": field,
        "id": target.id,
        "inputTypes": list(declared.input_types or []),
        "type": declared.field_type,
    }
    return {
        "id": f"{source.id}-{output}-{target.id}-{field}",
        "source": source.id,
        "target": target.id,
        "sourceHandle": json.dumps(given).replace('"', "œ"),
        "targetHandle": json.dumps(taken).replace('"', "œ"),
        "data": {"sourceHandle": given, "targetHandle": taken},
    }


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def graph_of_source(source: str, name: str) -> Graph:
    """Run the source of a flow in Python, and return its `graph`, or what its `get_graph()` gives.

    Args:
        source: Python, of somebody who may run code on this machine.
        name: what errors call it.

    Raises:
        PythonFlowError: it fails, or holds no graph; names the line.

    """
    found: dict[str, Any] = {"__name__": _MODULE, "__builtins__": BUILTINS}
    try:
        tree = ast.parse(source)
        exec(compile(tree, name, "exec"), found)  # noqa: S102 - a file that its caller names on the command line
        for value in found.values():
            if isinstance(value, type) and issubclass(value, Component) and value.__module__ == _MODULE:
                value.source = _source_of(tree, value.__name__)
                value.display_name = value.display_name or value.type_name()
        graph = found["get_graph"]() if callable(found.get("get_graph")) else found.get("graph")
    except Exception as error:
        line = failed_line(error, name) or 0
        raise PythonFlowError(f"{name}, line {line}: {type(error).__name__}: {error}") from error
    if not isinstance(graph, Graph):
        raise PythonFlowError(f"{name} holds no flow. Name it `graph`: graph = Graph(start, end).")
    return graph


def _source_of(tree: ast.Module, name: str) -> str:
    """Return the source of one component of a file: its class, and what stands above it that defines something."""
    kept: list[ast.stmt] = []
    for statement in tree.body:
        defines = isinstance(
            statement, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        )
        if defines or _is_constant(statement):
            kept.append(statement)
        if isinstance(statement, ast.ClassDef) and statement.name == name:
            break
    return ast.unparse(ast.Module(kept, []))


def _is_constant(statement: ast.stmt) -> bool:
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or statement.value is None:
        return False
    try:
        ast.literal_eval(statement.value)
    except ValueError:
        return False
    return True
