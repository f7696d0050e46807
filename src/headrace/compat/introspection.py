"""Methods that describe a component: its ports, its node JSON, and the results of running it alone."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.compat.active_run import ActiveRun, await_in_run
from headrace.component.component import Component, call_method
from headrace.component.component_run import attribute_of, run_of, shadowable_property
from headrace.component.node_json import node_json

if TYPE_CHECKING:
    from headrace.component.inputs import Input
    from headrace.component.output import Output


class IntrospectionMixin(Component):
    """The part of the component API of Langflow 1.7 that describes a component, or runs it outside of a flow."""

    #: Attributes of Langflow's own runtime. Component code tests whether they are set.
    _vertex: Any = None
    _event_manager: Any = None
    _tracing_service: Any = None

    @shadowable_property
    def code(self) -> str | None:
        """The source of the component."""
        return type(self).source

    def get_event_manager(self) -> None:
        """Return None: components emit events through `send_message` and `log`."""
        return

    def get_input(self, name: str) -> Input:
        """Return the declaration of an input."""
        return next(i for i in type(self).inputs if i.name == name)

    def get_output(self, name: str) -> Output:
        """Return the declaration of an output.

        Raises:
            ValueError: the component has no output of this name.

        """
        output = type(self).output(name)
        if output is None:
            raise ValueError(f"{_label(self)} has no output {name!r}. Use one of {_output_names(self)}.")
        return output

    def get_output_by_method(self, method: Callable[..., Any]) -> Output:
        """Return the output that a method computes.

        Raises:
            ValueError: the method computes no output.

        """
        output = next((o for o in type(self).outputs if o.method == method.__name__), None)
        if output is None:
            raise ValueError(
                f"{method.__name__} computes no output of {_label(self)}. Use the method of one of its outputs."
            )
        return output

    def get_field_order(self) -> list[str]:
        """Return the names of the inputs in their order."""
        return [i.name for i in type(self).inputs]

    def get_outputs_map(self) -> dict[str, Output]:
        """Return the outputs by name."""
        return {o.name: o for o in type(self).outputs}

    def get_input_display_name(self, input_name: str) -> str:
        """Return the display name of an input."""
        return self.get_input(input_name).display_name or input_name

    def get_output_display_name(self, output_name: str) -> str:
        """Return the display name of an output."""
        return self.get_output(output_name).display_name or output_name

    def build_input_error_message(self, input_name: str, message: str) -> str:
        """Return an error message that names the component and an input."""
        return f"[Component: {type(self).display_name} | Input: {self.get_input_display_name(input_name)}] {message}"

    def build_output_error_message(self, output_name: str, message: str) -> str:
        """Return an error message that names the component and an output."""
        return f"[Component: {type(self).display_name} | Output: {self.get_output_display_name(output_name)}] {message}"

    def build_component_error_message(self, message: str) -> str:
        """Return an error message that names the component."""
        return f"[Component: {type(self).display_name}] {message}"

    def get_trace_as_inputs(self) -> dict[str, Any]:
        """Return the values of the inputs that traces record."""
        traced = [i for i in type(self).inputs if getattr(i, "trace_as_input", False)]
        return {i.name: getattr(self, i.name, None) for i in traced}

    def get_method(self, method_name: str) -> Any:
        """Return a method by its name, or None if it does not exist."""
        return getattr(self, method_name, None)

    def is_connected_to_chat_input(self) -> bool:
        """Return False: a component does not know its edges."""
        return False

    def is_connected_to_chat_output(self) -> bool:
        """Return False: the receiving component decides whether a message is shown while it streams."""
        return False

    def set_attributes(self, params: dict[str, Any]) -> None:
        """Set the values of several fields."""
        for name, value in params.items():
            IntrospectionMixin.set_input_value(self, name, value)

    def set_input_value(self, name: str, value: Any) -> None:
        """Set the value of a field."""
        run_of(self).values[name] = value
        setattr(self, name, value)

    def to_frontend_node(self) -> dict[str, Any]:
        """Return the component as a node of a flow file, with the values of its fields."""
        component_class = type(self)
        node = node_json(component_class)
        run = run_of(self)
        for name, value in run.values.items():
            if isinstance(field := node["template"].get(name), dict):
                field["value"] = value
        data = {"id": run.vertex_id, "type": component_class.type_name(), "node": node}
        return {"id": run.vertex_id, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data}

    async def run(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Compute all open outputs; see `build_results`."""
        return await self.build_results()

    async def build_results(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Compute all open outputs, and return their values and their representations, both by output name."""
        results: dict[str, Any] = {}
        run = run_of(self)
        for output in type(self).outputs:
            if output.name in run.closed_outputs:
                continue
            compute = functools.partial(call_method, attribute_of(self, output.method))
            context = run.bound_context
            if context is None:
                results[output.name] = await compute()
            else:
                results[output.name] = await await_in_run(ActiveRun(context, asyncio.get_running_loop()), compute)
        status = attribute_of(self, "status")
        artifacts = {name: {"raw": value, "repr": str(status or value)} for name, value in results.items()}
        return results, artifacts


def _label(component: Component) -> str:
    return type(component).display_name or type(component).__name__


def _output_names(component: Component) -> str:
    return ", ".join(repr(output.name) for output in type(component).outputs) or "another component"
