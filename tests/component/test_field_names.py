"""Fields with the names of the framework's attributes: their values arrive and the framework works."""

from collections.abc import Mapping
from typing import Any

import pytest

from headrace.compat.component import Component as CustomComponent
from headrace.compat.loader import load_component
from headrace.component import Component, MessageTextInput, Output, StrInput
from headrace.component.component import ComponentError
from headrace.component.component_run import attribute_of, run_of
from headrace.schema import Data
from headrace.testing import run


def public_names(component: type) -> list[str]:
    """Return the public attributes of a class, and names that authors use and the framework has or had."""
    names = {name for name in dir(component) if not name.startswith("_")}
    return sorted(names | {"timeout", "retries", "run_id", "session_id", "vertex_id"})


NATIVE_NAMES = public_names(Component)
CUSTOM_NAMES = public_names(CustomComponent)

CUSTOM_SOURCE = """
from lfx.custom.custom_component.component import Component
from lfx.io import Output, StrInput
from lfx.schema import Data

NAMES = {names!r}


class EveryName(Component):
    display_name = "Every Name"
    inputs = [StrInput(name=name) for name in NAMES]
    outputs = [Output(name="fields", display_name="Fields", method="read_fields")]

    def read_fields(self) -> Data:
        return Data(data={{name: getattr(self, name) for name in NAMES}})
"""


class EveryName(Component):
    """Return all of its fields."""

    display_name = "Every Name"
    inputs = [StrInput(name=name) for name in NATIVE_NAMES]
    outputs = [Output(name="fields", method="read_fields")]

    def read_fields(self) -> Data:
        """Return the fields by name."""
        return Data(data={name: getattr(self, name) for name in NATIVE_NAMES})


def values_for(names: list[str]) -> Mapping[str, Any]:
    return {name: f"value of {name}" for name in names}


def test_the_fields_of_a_native_component_may_have_the_names_of_all_framework_attributes() -> None:
    values = dict(values_for(NATIVE_NAMES))
    outcome = run_fields(EveryName, values)
    assert outcome.value.data == values
    assert outcome.logs == []
    assert outcome.stopped == set()


def test_the_fields_of_a_custom_component_may_have_the_names_of_all_framework_attributes() -> None:
    values = dict(values_for(CUSTOM_NAMES))
    component = load_component(CUSTOM_SOURCE.format(names=CUSTOM_NAMES))
    assert run_fields(component, values).value.data == values


def run_fields(component: type[Component], values: dict[str, Any]) -> Any:
    # `output` and `variables` are parameters of `run`: these fields get their values as defaults.
    defaults: dict[str, Any] = {name: values[name] for name in ("component", "output", "variables") if name in values}
    fields = [i.model_copy(update={"value": defaults.get(i.name, i.value)}) for i in component.inputs]
    variant = type(component.__name__, (component,), {"inputs": fields, "source": component.source})
    return run(variant, **{name: value for name, value in values.items() if name not in defaults})


def test_a_field_named_status_is_not_the_status_of_the_run() -> None:
    class Order(Component):
        display_name = "Order"
        inputs = [StrInput(name="status")]
        outputs = [Output(name="state", method="read_status")]

        def read_status(self) -> str:
            return str(self.status)

    outcome = run(Order, status="paid")
    assert outcome.value == "paid"
    assert outcome.status is None


def test_an_output_method_runs_even_if_a_field_has_its_name() -> None:
    class Search(Component):
        display_name = "Search"
        inputs = [MessageTextInput(name="search")]
        outputs = [Output(name="results", method="search")]

        def search(self) -> str:
            return "searched"

    assert run(Search, search="words").value == "searched"


def test_a_property_with_a_setter_receives_the_value_of_its_field() -> None:
    class Bounded(Component):
        display_name = "Bounded"
        inputs = [StrInput(name="limit")]
        outputs = [Output(name="value", method="read_limit")]

        @property
        def limit(self) -> int:
            return self._limit

        @limit.setter
        def limit(self, value: str) -> None:
            self._limit = min(int(value), 10)

        def read_limit(self) -> int:
            return self.limit

    assert run(Bounded, limit="12").value == 10


def test_instances_do_not_share_a_default_that_is_a_list() -> None:
    class Collector(Component):
        display_name = "Collector"
        inputs = [StrInput(name="words", value=["first"], is_list=True)]
        outputs = [Output(name="all_words", method="collect")]

        def collect(self) -> list[str]:
            self.words.append("second")
            return list(self.words)

    assert run(Collector).value == ["first", "second"]
    assert run(Collector).value == ["first", "second"]


def test_attribute_of_fails_for_a_field_that_is_not_an_attribute() -> None:
    class Order(Component):
        display_name = "Order"
        inputs = [StrInput(name="total")]

    order = Order.__new__(Order)
    with pytest.raises(AttributeError, match="Order has a field 'total'"):
        attribute_of(order, "total")


def test_a_custom_component_outside_a_run_has_its_defaults_and_no_context() -> None:
    outside_run: Any = load_component(CUSTOM_SOURCE.format(names=["context", "status", "id", "words"]))
    component = outside_run()
    assert component.status == ""
    assert component.context == ""
    with pytest.raises(Exception, match=r"EveryName\.context"):
        _ = run_of(component).context


def test_an_error_names_the_loop_component_for_a_component_that_is_not_a_loop() -> None:
    with pytest.raises(ComponentError, match="Connect the loop's edges to a Loop component"):
        Component.items(EveryName.__new__(EveryName))
