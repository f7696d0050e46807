"""What the server knows of a component class that lives in a worker: enough to draw it, check it and plan with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.compat.component import Component as AuthorsComponent
from headrace.component import inputs as input_classes
from headrace.component.component import Component, ComponentError, output_types
from headrace.component.inputs import Input
from headrace.component.output import Output
from headrace.isolation.values import from_json, to_json

if TYPE_CHECKING:
    from headrace.isolation.values import Refer

_TEXTS = ("display_name", "description", "documentation", "icon", "takes_input", "gives_output")
_FLAGS = ("minimized", "beta", "legacy")


def describe(component: type[Component]) -> dict[str, Any]:
    """Return a class as JSON.

    Raises:
        ComponentError: an output has no method.

    """
    return {
        "type": component.type_name(),
        "class": component.__name__,
        "module": component.__module__,
        **{name: getattr(component, name) for name in (*_TEXTS, *_FLAGS)},
        "retries": component.retries,
        "timeout": component.timeout,
        "inputs": [_input(i) for i in component.inputs],
        "outputs": [
            {**o.model_dump(mode="json"), "types": list(output_types(component, o.name))} for o in component.outputs
        ],
        "own_toolkit": component.to_toolkit not in (Component.to_toolkit, AuthorsComponent.to_toolkit)
        or hasattr(component, "_get_tools"),
    }


def _input(field: Input) -> list[Any]:
    # An author's own kind of input is drawn as the one that it is made of.
    kind = next(c.__name__ for c in type(field).__mro__ if c.__module__ == input_classes.__name__)
    attributes = field.model_dump(mode="json", exclude={"value"}, exclude_none=True)
    known = getattr(input_classes, kind).model_fields
    return [kind, {k: v for k, v in attributes.items() if k in known}, to_json(field.value, _nothing)]


_nothing: Refer = lambda _: None  # noqa: E731


def class_attributes(described: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a class that stands for the one described.

    Raises:
        ComponentError: what a worker says is no description.

    """
    try:
        attributes: dict[str, Any] = {
            "name": str(described["type"]),
            "__module__": str(described["module"]),
            "inputs": [_input_from(*one) for one in described["inputs"]],
            "outputs": [Output(**one) for one in described["outputs"]],
            "retries": int(described["retries"]),
            "timeout": None if described["timeout"] is None else float(described["timeout"]),
        }
        for name in _TEXTS:
            value = described[name]
            attributes[name] = None if value is None else str(value)
        for name in _FLAGS:
            attributes[name] = bool(described[name])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ComponentError(f"The component cannot be described: {error}") from error
    return attributes


def _input_from(kind: str, attributes: dict[str, Any], value: Any) -> Input:
    found = getattr(input_classes, kind)
    if not (isinstance(found, type) and issubclass(found, Input)):
        raise TypeError(f"{kind} is no input")
    return found(**attributes, value=from_json(value, list))
