"""Build component classes from the outline of source code, without executing it.

This works for source whose class attributes are literals, constants of the source, imported names of `lfx`, and calls of
inputs and outputs. Other source, such as one with decorators or computed lists, has to be executed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from headrace.compat.component import Component
from headrace.compat.importer import import_for_code, is_compat
from headrace.compat.loader import CUSTOM_PACKAGE, IO_ROLES, module_name
from headrace.compat.preset_names import PRESET_NAMES, preset_value
from headrace.component.component import Component as BaseComponent
from headrace.component.inputs import Input, RangeSpec
from headrace.component.output import Output

#: Attributes of component classes that source may refer to.
_CLASS_ATTRIBUTES = {"inputs", "outputs", "_base_inputs", "_base_outputs"}
_CLASS_METHODS = {"get_base_inputs", "get_base_outputs"}
#: Methods that are executed when a field of the node changes.
_EDIT_HOOKS = ("update_build_config", "update_outputs", "__init__")
#: Classes that source may instantiate.
_CALLABLE_CLASSES = (Input, Output, RangeSpec)
#: Maximum size of all values of a source: characters of texts, and a number for each other value. It bounds expressions such
#: as `[*a, *a]`, whose value grows with each line.
MAX_VALUE_SIZE = 1_000_000
#: The size of a class, and of an input or output that a source defines or takes from a class of the server.
CLASS_SIZE, DEFINED_PORT_SIZE, SHARED_PORT_SIZE = 1000, 500, 100
#: The size of an item in a constant that a source imports, such as a list of model names.
IMPORTED_ITEM_SIZE = 32

#: A statement or an expression of an outline; see `parsing.operations.source_outline`.
Node = list[Any]


class NotStaticError(Exception):
    """A part of the source cannot be evaluated without executing it."""


def parse_component(code: str, statements: list[Node]) -> type[BaseComponent] | None:
    """Return the component class that a source defines, or None if the source has to be executed.

    The methods of the class have the names and return types of those in the source, and cannot be called.

    Args:
        code: the source.
        statements: the statements of its outline.

    """
    try:
        return _Parser(code).parse(statements)
    except (NotStaticError, ValueError, TypeError, LookupError, AttributeError, RecursionError, ImportError):
        return None


def has_edit_hooks(component: type[BaseComponent]) -> bool:
    """Return whether a parsed component defines methods that have to be executed when a field changes."""
    custom_classes = [c for c in component.__mro__ if c.__module__.startswith(CUSTOM_PACKAGE)]
    return any(name in vars(c) for c in custom_classes for name in _EDIT_HOOKS)


class _Parser:
    """Evaluate one source."""

    def __init__(self, code: str) -> None:
        self._code = code
        self._names: dict[str, Any] = {}
        #: Names that the source defines and that cannot be evaluated. They hide preset names.
        self._opaque_names: set[str] = set()
        self._component: type[Component] | None = None
        self._remaining_size = MAX_VALUE_SIZE

    def parse(self, statements: list[Node]) -> type[BaseComponent]:
        for statement in statements:
            self._parse_statement(*statement)
        if self._component is None:
            raise NotStaticError
        return self._component

    def _spend(self, size: int) -> None:
        self._remaining_size -= size
        if self._remaining_size < 0:
            raise NotStaticError

    def _parse_statement(self, kind: str, *parts: Any) -> None:
        if kind == "import":
            self._parse_import(*parts)
        elif kind == "class":
            self._parse_class(*parts)
        elif kind == "assign":
            for name, value in _assignments(*parts):
                # Evaluated on first use: constants that no attribute uses may have any value.
                self._names[name] = _LazyValue(value)
        else:
            raise NotStaticError

    def _parse_import(self, module: str, names: list[list[str | None]]) -> None:
        if not is_compat(module):
            self._opaque_names |= {str(alias or name) for name, alias in names}
            return
        for name, alias in names:
            imported = import_for_code(module, fromlist=(str(name),))
            if name == "*":
                raise NotStaticError
            self._names[str(alias or name)] = getattr(imported, str(name))

    def _parse_class(self, name: str, base_names: list[str | None], is_plain: bool, body: list[Node]) -> None:
        bases = [self._name(base) if base is not None else None for base in base_names]
        if not any(isinstance(base, type) and issubclass(base, BaseComponent) for base in bases):
            # Not a component: no attribute of a component may refer to it.
            self._opaque_names.add(name)
            return
        if not is_plain or len(bases) != 1:
            raise NotStaticError
        self._spend(CLASS_SIZE)
        attributes: dict[str, Any] = {}
        for kind, *parts in body:
            if kind == "method":
                attributes[parts[0]] = _method_stub(*parts)
            elif kind == "assign":
                for attribute, value in _assignments(*parts):
                    attributes[attribute] = self._evaluate(value)
            else:
                raise NotStaticError
        # The only base is a component, as checked above.
        component: type[Component] = type(name, (bases[0],), attributes)  # type: ignore[arg-type]
        component.__module__, component.source = module_name(name), self._code
        if not all(isinstance(i, Input) for i in component.inputs):
            raise NotStaticError
        if not all(isinstance(o, Output) for o in component.outputs):
            raise NotStaticError
        input_kind, output_kind = IO_ROLES.get(component.type_name(), (None, None))
        component.input_kind = component.input_kind or input_kind
        component.output_kind = component.output_kind or output_kind
        component.display_name = component.display_name or component.type_name()
        self._names[name] = self._component = component

    def _evaluate(self, node: Node) -> Any:
        self._spend(1)
        evaluate = self._evaluate
        match node:
            case ["constant", value]:
                self._spend(len(value) if isinstance(value, str) else 0)
                return value
            case ["name", name]:
                return self._named_value(name)
            case ["list" | "tuple" | "set" as kind, nodes]:
                items = self._items(nodes)
                return items if kind == "list" else tuple(items) if kind == "tuple" else set(items)
            case ["dict", pairs]:
                return {k: v for key, value in pairs for k, v in self._dict_items(key, value)}
            case ["minus", operand]:
                return -evaluate(operand)
            case ["not", operand]:
                return not evaluate(operand)
            case ["plus", left_node, right_node]:
                left, right = evaluate(left_node), evaluate(right_node)
                if type(left) is type(right) and isinstance(left, (str, list)):
                    self._spend(len(left) + len(right))
                    return left + right
            case ["attribute", owner, name]:
                return self._attribute(evaluate(owner), name)
            case ["item", container_node, index]:
                container = evaluate(container_node)
                if isinstance(container, (list, dict, tuple)):
                    return container[evaluate(index)]
            case ["call", function, has_arguments, keywords]:
                return self._call(function, has_arguments, keywords)
        raise NotStaticError

    def _items(self, nodes: list[Node]) -> list[Any]:
        items: list[Any] = []
        for node in nodes:
            if node[0] == "star":
                items += self._evaluate(node[1])
            else:
                items.append(self._evaluate(node))
        return items

    def _dict_items(self, key: Node | None, value: Node) -> list[tuple[Any, Any]]:
        evaluated = self._evaluate(value)
        return list(dict(evaluated).items()) if key is None else [(self._evaluate(key), evaluated)]

    def _name(self, name: str) -> Any:
        """Return the value of a name that the source defines or imports, or of a preset name; None for others."""
        if name not in self._names and name in PRESET_NAMES and name not in self._opaque_names:
            self._names[name] = preset_value(name)
        return self._names.get(name)

    def _named_value(self, name: str) -> Any:
        value = self._name(name)
        if value is None:
            raise NotStaticError
        if not isinstance(value, _LazyValue):
            self._spend(IMPORTED_ITEM_SIZE * len(value) if isinstance(value, (str, list, tuple, dict, set)) else 0)
            return value
        if value.size is None:
            # A constant that refers to itself is undefined.
            del self._names[name]
            before = self._remaining_size
            value.value = self._evaluate(value.node)
            value.size = before - self._remaining_size
            self._names[name] = value
        else:
            # The value appears once more in the node, and with it everything that it contains.
            self._spend(value.size)
        return value.value

    def _attribute(self, owner: Any, name: str) -> Any:
        if _is_component(owner) and name in _CLASS_ATTRIBUTES:
            return self._ports(getattr(owner, name))
        if isinstance(owner, type) and issubclass(owner, Enum):
            return getattr(owner, name)
        if isinstance(owner, Enum) and name == "value":
            return owner.value
        raise NotStaticError

    def _ports(self, ports: Any) -> Any:
        self._spend(SHARED_PORT_SIZE * len(ports))
        return ports

    def _call(self, function: Node, has_arguments: bool, keywords: list[tuple[str | None, Node]]) -> Any:
        if function[0] == "attribute":
            owner = self._evaluate(function[1])
            if _is_component(owner) and function[2] in _CLASS_METHODS and not has_arguments and not keywords:
                return self._ports(getattr(owner, function[2])())
            raise NotStaticError
        called_class = self._evaluate(function)
        if not (isinstance(called_class, type) and issubclass(called_class, _CALLABLE_CLASSES)) or has_arguments:
            raise NotStaticError
        self._spend(DEFINED_PORT_SIZE)
        return called_class(**{name: self._evaluate(value) for name, value in keywords if name is not None})


class _LazyValue:
    """A constant that is evaluated on first use.

    Attributes:
        node: its expression.
        value: its value, once it is evaluated.
        size: the size of its value; None until it is evaluated.

    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.value: Any = None
        self.size: int | None = None


def _is_component(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseComponent)


def _assignments(pairs: list[tuple[str, Node]] | None) -> list[tuple[str, Node]]:
    if pairs is None:
        # A target that is not a name.
        raise NotStaticError
    return pairs


def _method_stub(name: str, returns: str | None) -> Callable[..., Any]:
    """Return a method with the name and return type of a function in the source, which raises if it is called."""

    def method(self: Any, *_: Any, **__: Any) -> Any:
        raise NotStaticError

    method.__name__ = name
    if returns is not None:
        method.__annotations__ = {"return": returns}
    return method
