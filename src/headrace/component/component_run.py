"""The framework's state of a component instance, apart from the attributes that its author's fields occupy.

A field may have any name, `context`, `status`, `log` or `timeout` included. Therefore:

- the state of a run is a `ComponentRun`, which the framework reads with `run_of`;
- `Component` offers parts of it to authors as attributes (`self.context`, `self.logs`) through descriptors without
  a setter, so a field of the same name, which is in the instance's `__dict__`, takes precedence;
- the framework reads class attributes and methods from the class, or with `attribute_of`.

Names that start with an underscore are reserved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from headrace.component.field_table import field_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.component.component import Component
    from headrace.component.context import RunContext
    from headrace.component.source_view import SourceView

T = TypeVar("T")


class ComponentRun:
    """The state of one component instance: the run that it belongs to, its values, and its effects."""

    __slots__ = (
        "_find_context",
        "bound_context",
        "closed_outputs",
        "logs",
        "loop_results",
        "sources",
        "values",
        "vertex_id",
    )

    def __init__(
        self,
        vertex_id: str,
        context: RunContext | None,
        values: Mapping[str, Any],
        sources: tuple[Component | SourceView, ...] = (),
        find_context: Callable[[], RunContext] | None = None,
    ) -> None:
        """Create the state of an instance.

        Args:
            vertex_id: the node's id in the flow.
            context: the run that the instance belongs to; None for an instance that an author's code creates.
            values: field name to value, as the run passes them.
            sources: the components that are connected to the inputs of this one.
            find_context: returns the run of the calling code, for an instance without a context.

        """
        self.vertex_id = vertex_id
        self.bound_context = context
        self.values = dict(values)
        self.sources = sources
        #: Outputs that are closed in this run.
        self.closed_outputs: set[str] = set()
        self.logs: list[dict[str, Any]] = []
        #: For a loop, the result of its body for each item.
        self.loop_results: list[object] = []
        self._find_context = find_context

    @property
    def context(self) -> RunContext:
        """The run that the instance belongs to.

        Raises:
            RuntimeError: the instance is used outside of a run.

        """
        if self.bound_context is not None:
            return self.bound_context
        if self._find_context is None:
            raise RuntimeError("This component does not belong to a run. Create it with `Component.create`.")
        return self._find_context()


class shadowable_property(Generic[T]):
    """A read-only property that gives way to a field of the same name."""

    def __init__(self, getter: Callable[[Any], T]) -> None:
        self._getter = getter
        self.__doc__ = getter.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> shadowable_property[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> shadowable_property[T] | T:
        return self if instance is None else self._getter(instance)


def run_of(component: Component) -> ComponentRun:
    """Return the state of a component instance."""
    return component._component_run  # noqa: SLF001 - the accessor of this attribute


def attribute_of(component: Component, name: str) -> Any:
    """Return an attribute of a component, bound to it, even if a field has the same name.

    Raises:
        AttributeError: the component has no attribute of this name beside the field.

    """
    if name not in field_table(type(component)).names:
        return getattr(component, name)
    for owner in type(component).__mro__:
        if name in owner.__dict__:
            attribute = owner.__dict__[name]
            bind = getattr(type(attribute), "__get__", None)
            return attribute if bind is None else bind(attribute, component, type(component))
    raise AttributeError(f"{type(component).__name__} has a field {name!r} but no attribute of this name.")
