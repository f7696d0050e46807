"""`Component`: the base class that component code written for Langflow imports."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from headrace.compat.active_run import ActiveRun, await_in_run, call_in_run, current_context
from headrace.compat.definition import Definition
from headrace.compat.dotdict import dotdict
from headrace.compat.introspection import IntrospectionMixin
from headrace.compat.records import records_from
from headrace.compat.run_access import RunAccessMixin
from headrace.compat.toolkit import Toolkit, bind_tools_to_run
from headrace.component.component import Component as BaseComponent
from headrace.component.component import call_method, types_of
from headrace.component.component_run import ComponentRun, attribute_of, run_of, shadowable_property
from headrace.component.field_table import field_table, field_value
from headrace.component.inputs import MessageInput
from headrace.component.output import Output
from headrace.component.tools import TOOL_OUTPUT, build_tools
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from headrace.component.context import RunContext
    from headrace.component.editor_context import EditorContext
    from headrace.component.source_view import SourceView

#: Attributes of the run that component code reads, and may set, under names of its own.
_RUN_ATTRIBUTES = {"_session_id": "session_id", "_user_id": "user_id"}


class Component(IntrospectionMixin, RunAccessMixin, BaseComponent):
    """A component with the API of Langflow 1.7.

    The `__init__` of component code takes keyword arguments only; the run sets the values of the fields afterwards.
    """

    icon: ClassVar[str] = "code"

    def __init__(self, **parameters: Any) -> None:
        """Set attributes, and fields of a component in a flow written in Python. Runs use `create` instead."""
        self._attributes: dict[str, Any] = {}
        self._definition = Definition(Component)
        self._id = str(parameters.pop("_id", ""))
        # An instance that component code creates inside a run belongs to that run.
        find_context = functools.partial(current_context, f"{type(self).__name__}.context")
        self._component_run = ComponentRun(self._id, None, {}, find_context=find_context)
        table = field_table(type(self))
        for name in table.names & _FRAMEWORK_NAMES:
            # Without a run, `__getattr__` returns the defaults of the other fields.
            self.__dict__[name] = table.default(name)
        if parameters:
            self._set_fields(parameters)

    @classmethod
    def create(
        cls,
        vertex_id: str,
        context: RunContext,
        values: Mapping[str, Any],
        sources: tuple[BaseComponent | SourceView, ...] = (),
    ) -> Self:
        """Return an instance for one run."""
        component = cls()
        BaseComponent.__init__(component, vertex_id, context, values, sources)
        component._attributes = run_of(component).values
        component._id = vertex_id
        for declared in cls.inputs:
            # A port for messages accepts typed text, which becomes a message.
            if isinstance(declared, MessageInput) and isinstance(text := getattr(component, declared.name), str):
                setattr(component, declared.name, Message(text=text))
        for name in ("_pre_run_setup", "pre_run_setup"):
            setup: Callable[[], object] | None = getattr(component, name, None)
            if setup is not None:
                setup()
        return component

    def output_method(self, output: Output) -> Callable[[], object]:
        """Return the function that computes an output, wrapped so that functions called by it find the run."""
        method = super().output_method(output)
        if output.name == TOOL_OUTPUT.name and (get_tools := getattr(self, "_get_tools", None)) is not None:
            method = get_tools
        current = ActiveRun(run_of(self).context, asyncio.get_running_loop())
        if inspect.iscoroutinefunction(method):
            coroutine_method = method

            async def compute() -> object:
                return bind_tools_to_run(current, await await_in_run(current, coroutine_method))

            return compute
        return lambda: bind_tools_to_run(current, call_in_run(current, method))

    def to_toolkit(self) -> Toolkit:
        """Return the component's outputs as tools. The result can be awaited."""
        return Toolkit(build_tools(self))

    def get_base_args(self) -> dict[str, Any]:
        """Return the arguments for a component that this one creates."""
        return {"_user_id": run_of(self).context.user_id, "_session_id": run_of(self).context.session_id}

    def __getattr__(self, name: str) -> Any:
        """Return the value of a field that the class does not declare, such as a dynamic field of its node.

        An instance that component code creates inside a run has the defaults of its inputs.
        """
        run: ComponentRun | None = self.__dict__.get("_component_run")
        if run is not None and name in run.values:
            return run.values[name]
        if run is not None and name in _RUN_ATTRIBUTES:
            return getattr(run.context, _RUN_ATTRIBUTES[name])
        field = next((i for i in type(self).inputs if i.name == name), None)
        if field is not None:
            return field_value(field, field.value)
        raise AttributeError(f"{type(self).__name__} has no attribute or field {name!r}")

    def set(self, **fields: Any) -> Self:
        """Set fields to values or to outputs of other components, and return the component.

        Args:
            fields: field name to a value, to the method of another component's output, or to a component, which
                stands for its first output.

        Raises:
            ComponentError: a component has no output, or a method computes none of its component's outputs.

        """
        self._set_fields(fields)
        return self

    def _set_fields(self, fields: Mapping[str, Any]) -> None:
        for name, value in self._definition.update(fields).items():
            run_of(self).values[name] = value
            setattr(self, name, value)

    @classmethod
    def get_base_inputs(cls) -> list[Any]:
        """Return the inputs that a base class provides to all its subclasses."""
        return list(getattr(cls, "_base_inputs", []))

    @classmethod
    def get_base_outputs(cls) -> list[Any]:
        """Return the outputs that a base class provides to all its subclasses."""
        return list(getattr(cls, "_base_outputs", []))

    def set_id(self, id_: str) -> None:
        """Set the id of the component in its flow."""
        run_of(self).vertex_id = id_

    def get_id(self) -> str:
        """Return the id of the component in its flow."""
        return run_of(self).vertex_id

    @shadowable_property
    def definition(self) -> Definition[Component]:
        """The fields that were set with `set`."""
        return self._definition

    def to_data(self, data: Any, *, keys: list[str] | None = None, silent_errors: bool = False) -> list[Data]:
        """Return objects as records; see `records_from`."""
        return records_from(data, keys, silent=silent_errors)

    def create_references_from_data(self, data: list[Data], *, include_data: bool = False) -> str:
        """Return records as a Markdown list of references, or an empty string for no records."""
        if not data:
            return ""
        lines = [f"- {d.data if include_data else d.get_text()}" for d in data]
        return "---\n" + "\n".join(lines)

    def update_build_config(self, build_config: dotdict, field_value: Any, field_name: str | None = None) -> Any:
        """Return the node's fields after one of them changed. Subclasses may override it."""
        return build_config

    def update_outputs(self, frontend_node: dict[str, Any], field_name: str, field_value: Any) -> Any:
        """Return the node with its outputs after a field changed. Subclasses may override it."""
        return frontend_node

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return a node after the component's `update_build_config` and `update_outputs` have handled a change."""
        component = cls()
        update_config = attribute_of(component, "update_build_config")
        update_outputs = attribute_of(component, "update_outputs")
        value = node["template"].get(field, {}).get("value") if isinstance(node["template"].get(field), dict) else None
        config = {n: dotdict(f) if isinstance(f, dict) else f for n, f in node["template"].items()}
        template = await call_method(update_config, dotdict(config), value, field)
        node = {**node, "template": dict(template or config)}
        changed = dict(await call_method(update_outputs, node, field, value) or node)
        # Component code appends `Output`s to a list of outputs as JSON.
        return {**changed, "outputs": [_output_json(cls, output) for output in changed.get("outputs") or []]}


def _output_json(component: type[Component], output: object) -> object:
    if not isinstance(output, Output):
        return output
    return output.model_copy(update={"types": list(types_of(component, output))}).to_json()


#: Attributes of the framework, which a field of the same name replaces.
_FRAMEWORK_NAMES = frozenset(dir(Component))


def definition_of(component: Component) -> Definition[Component]:
    """Return the values and links that were set on a component of a flow written in Python."""
    return component._definition  # noqa: SLF001 - the accessor of this attribute
