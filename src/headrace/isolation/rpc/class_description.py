"""The description of a component class, with which the server represents a class that a worker has loaded.

It holds what the server needs to show the class in the editor, check its edges and compile plans: names and texts, inputs with
their default values, outputs with their types. It is JSON; `host.proxy_component` creates a class from it.
"""

from __future__ import annotations

from typing import Any

from headrace.compat.component import Component as LfxComponent
from headrace.component import inputs as input_classes
from headrace.component.component import Component, ComponentError, output_types
from headrace.component.inputs import Input
from headrace.component.output import Output
from headrace.isolation.rpc.decoding import decode
from headrace.isolation.rpc.encoding import encode, reject_references

_TEXTS = ("display_name", "description", "documentation", "icon", "input_kind", "output_kind")
_FLAGS = ("minimized", "beta", "legacy")


def describe_class(component: type[Component]) -> dict[str, Any]:
    """Return the description of a component class as JSON.

    Raises:
        ComponentError: an output has no method.
        UnsupportedValueError: the default value of an input cannot be sent to the server.

    """
    return {
        "type": component.type_name(),
        "class": component.__name__,
        "module": component.__module__,
        **{name: getattr(component, name) for name in (*_TEXTS, *_FLAGS)},
        "retries": component.output_retries,
        "timeout": component.output_timeout,
        "inputs": [_describe_input(i) for i in component.inputs],
        "outputs": [
            {**o.model_dump(mode="json"), "types": list(output_types(component, o.name))} for o in component.outputs
        ],
        "own_toolkit": component.to_toolkit not in (Component.to_toolkit, LfxComponent.to_toolkit)
        or hasattr(component, "_get_tools"),
    }


def _describe_input(field: Input) -> list[Any]:
    """Return the class name, the attributes and the encoded default value of an input."""
    # A subclass that the author defined is represented by the headrace class that it extends.
    kind = next(c.__name__ for c in type(field).__mro__ if getattr(input_classes, c.__name__, None) is c)
    attributes = field.model_dump(mode="json", exclude={"value"}, exclude_none=True)
    known = getattr(input_classes, kind).model_fields
    return [kind, {k: v for k, v in attributes.items() if k in known}, encode(field.value, reject_references)]


def class_attributes(description: dict[str, Any]) -> dict[str, Any]:
    """Return the class attributes of a proxy for the described class.

    Raises:
        ComponentError: the description is not valid.

    """
    try:
        attributes: dict[str, Any] = {
            "name": str(description["type"]),
            "__module__": str(description["module"]),
            "inputs": [_create_input(*field) for field in description["inputs"]],
            "outputs": [Output(**output) for output in description["outputs"]],
            "output_retries": int(description["retries"]),
            "output_timeout": None if description["timeout"] is None else float(description["timeout"]),
        }
        for name in _TEXTS:
            value = description[name]
            attributes[name] = None if value is None else str(value)
        for name in _FLAGS:
            attributes[name] = bool(description[name])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ComponentError(f"The worker's description of the component is not valid: {error}") from error
    return attributes


def _create_input(kind: str, attributes: dict[str, Any], value: Any) -> Input:
    input_class = getattr(input_classes, kind)
    if not (isinstance(input_class, type) and issubclass(input_class, Input)):
        raise TypeError(f"{kind!r} is not an input class")
    return input_class(**attributes, value=decode(value, list))
