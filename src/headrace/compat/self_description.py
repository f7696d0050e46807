"""What a component says of itself: names of its ports, its node, and all that it makes when it is run alone."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, ClassVar

from headrace.compat.current import Current, awaited_within
from headrace.component.component import called
from headrace.component.node_json import node_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from headrace.component.component import Component
    from headrace.component.context import RunContext
    from headrace.component.inputs import Input
    from headrace.component.output import Output


class SelfDescription:
    """The methods by which authors, and their tests, ask a component about itself."""

    if TYPE_CHECKING:
        inputs: ClassVar[list[Input]]
        outputs: ClassVar[list[Output]]
        display_name: ClassVar[str]
        id: str
        values: dict[str, Any]
        status: object
        logs: list[dict[str, Any]]
        stopped: set[str]
        context: RunContext
        get_input: Callable[[str], Input]
        get_output: Callable[[str], Output]
        type_name: Callable[[], str]

    #: Of a server that keeps its runs otherwise: authors look whether they are there.
    _vertex: Any = None
    _event_manager: Any = None
    _tracing_service: Any = None

    def get_event_manager(self) -> None:
        """Return nothing: a run's watchers are told through `send_message` and `log`."""
        return

    def get_field_order(self) -> list[str]:
        """Return the names of the inputs, in their order."""
        return [i.name for i in self.inputs]

    def get_outputs_map(self) -> dict[str, Output]:
        """Return the outputs by name."""
        return {o.name: o for o in self.outputs}

    def get_input_display_name(self, input_name: str) -> str:
        """Return what an input is called in an editor."""
        return self.get_input(input_name).display_name or input_name

    def get_output_display_name(self, output_name: str) -> str:
        """Return what an output is called in an editor."""
        return self.get_output(output_name).display_name or output_name

    def build_input_error_message(self, input_name: str, message: str) -> str:
        """Return a sentence about an input that is wrong."""
        return f"[Component: {self.display_name} | Input: {self.get_input_display_name(input_name)}] {message}"

    def build_output_error_message(self, output_name: str, message: str) -> str:
        """Return a sentence about an output that is wrong."""
        return f"[Component: {self.display_name} | Output: {self.get_output_display_name(output_name)}] {message}"

    def build_component_error_message(self, message: str) -> str:
        """Return a sentence about a component that is wrong."""
        return f"[Component: {self.display_name}] {message}"

    def get_trace_as_inputs(self) -> dict[str, Any]:
        """Return the values of the inputs that a trace shows."""
        traced = [i for i in self.inputs if getattr(i, "trace_as_input", False)]
        return {i.name: getattr(self, i.name, None) for i in traced}

    def get_method(self, method_name: str) -> Any:
        """Return a method by its name, or nothing."""
        return getattr(self, method_name, None)

    def is_connected_to_chat_input(self) -> bool:
        """Return False: a component is told what it is connected to by what comes in."""
        return False

    def is_connected_to_chat_output(self) -> bool:
        """Return False: whoever takes its message decides whether it is shown while it comes."""
        return False

    def set_attributes(self, params: dict[str, Any]) -> None:
        """Set fields."""
        for name, value in params.items():
            self.set_input_value(name, value)

    def set_input_value(self, name: str, value: Any) -> None:
        """Set a field."""
        self.values[name] = value
        setattr(self, name, value)

    def to_frontend_node(self) -> dict[str, Any]:
        """Return the component as a node of a drawing, with what was set in its fields."""
        kind: type[Component] = type(self)  # type: ignore[assignment]
        node = node_json(kind)
        for name, value in self.values.items():
            if isinstance(field := node["template"].get(name), dict):
                field["value"] = value
        data = {"id": self.id, "type": kind.type_name(), "node": node}
        return {"id": self.id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data}

    async def run(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make all outputs; see `build_results`."""
        return await self.build_results()

    async def build_results(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make every output that is open, and return the values by output, and how each is shown."""
        results: dict[str, Any] = {}
        for output in self.outputs:
            if output.name in self.stopped:
                continue
            method = getattr(self, output.method)
            context = self.__dict__.get("context")
            make = functools.partial(called, method)
            if context is None:
                results[output.name] = await make()
            else:
                results[output.name] = await awaited_within(Current(context, asyncio.get_running_loop()), make)
        shown = {name: {"raw": value, "repr": str(self.status or value)} for name, value in results.items()}
        return results, shown
