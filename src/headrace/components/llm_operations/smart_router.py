"""Smart Router: a model selects the route of a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from headrace.component import (
    BoolInput,
    Component,
    ComponentError,
    HandleInput,
    MessageInput,
    MessageTextInput,
    MultilineInput,
    Output,
    TableInput,
)
from headrace.component.editor_context import EditorContext
from headrace.schema import Message

#: The output of the n-th route, counted from 1, and the output for texts without a matching route.
_ROUTE = re.compile(r"^category_(\d+)_result$")
DEFAULT_OUTPUT = "default_result"

COLUMNS = [
    {
        "name": "route_category",
        "display_name": "Route Name",
        "type": "str",
        "description": "Name of the route.",
        "edit_mode": "inline",
    },
    {
        "name": "route_description",
        "display_name": "Route Description",
        "type": "str",
        "description": "Description of the texts for this route. The model reads it.",
        "default": "",
        "edit_mode": "popover",
    },
    {
        "name": "output_value",
        "display_name": "Route Message (Optional)",
        "type": "str",
        "description": "Message that the route returns. Empty for the input text.",
        "default": "",
        "edit_mode": "popover",
    },
]


class SmartRouterComponent(Component):
    """Let a model select the route of a text, return the text there, and close the other routes."""

    name = "SmartRouter"
    display_name = "Smart Router"
    description = "Lets a model select the route of a text."
    icon = "route"
    inputs = [
        HandleInput(
            name="llm",
            display_name="Language Model",
            input_types=["LanguageModel"],
            required=True,
            info="Model that selects the route.",
        ),
        MessageTextInput(name="input_text", display_name="Input", required=True, info="Text to route."),
        TableInput(
            name="routes",
            display_name="Routes",
            required=True,
            real_time_refresh=True,
            table_schema=COLUMNS,
            value=[
                {
                    "route_category": "Positive",
                    "route_description": "Positive feedback, satisfaction, or compliments",
                    "output_value": "",
                },
                {
                    "route_category": "Negative",
                    "route_description": "Complaints, issues, or dissatisfaction",
                    "output_value": "",
                },
            ],
            info="Available routes. Each adds an output.",
        ),
        MessageInput(
            name="message",
            display_name="Override Output",
            advanced=True,
            info="Message that every route returns. Empty for the message of the route or the input text.",
        ),
        BoolInput(
            name="enable_else_output",
            display_name="Include Else Output",
            advanced=True,
            info="Add an output for texts that match no route.",
        ),
        MultilineInput(
            name="custom_prompt",
            display_name="Additional Instructions",
            advanced=True,
            info="More instructions for the model. {input_text} and {routes} are replaced by the text and the route names.",
        ),
    ]
    outputs = []

    #: The number of the selected route or None for no route, in a tuple once the model has answered.
    _selection: tuple[int | None] | None = None

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return the output of a route, or the output for texts without a matching route."""
        if _ROUTE.match(name) or name == DEFAULT_OUTPUT:
            return Output(name=name, method="process_case", types=["Message"], group_outputs=True)
        return super().output(name)

    @classmethod
    async def on_field_change(cls, node: dict[str, Any], field: str, editing: EditorContext) -> dict[str, Any]:
        """Return the node with an output for each route."""
        if field not in {"routes", "enable_else_output"}:
            return node
        routes = node["template"]["routes"].get("value") or []
        names = [
            (f"category_{number}_result", route.get("route_category") or f"Route {number}")
            for number, route in enumerate(routes, 1)
        ]
        if node["template"]["enable_else_output"].get("value"):
            names.append((DEFAULT_OUTPUT, "Else"))
        outputs = [
            Output(
                name=name, display_name=label, method="process_case", types=["Message"], group_outputs=True
            ).to_json()
            for name, label in names
        ]
        return {**node, "outputs": outputs}

    def output_method(self, output: Output) -> Callable[[], object]:
        """Return the method that returns the message of one output, or closes it."""
        route = _ROUTE.match(output.name)
        if route is None and output.name != DEFAULT_OUTPUT:
            return super().output_method(output)

        async def process_case() -> Message:
            return await self._route(output.name, int(route[1]) if route else None)

        return process_case

    async def _route(self, name: str, route: int | None) -> Message:
        if self._selection is None:
            self._selection = (await self._select(),)
        if self._selection[0] != route:
            self.stop(name)
            return Message()
        override = self.message.text if isinstance(self.message, Message) else str(self.message or "")
        route_message = str(self.routes[route - 1].get("output_value") or "") if route is not None else ""
        message = Message(text=override or route_message or str(self.input_text))
        self.status = message
        return message

    async def _select(self) -> int | None:
        """Return the number of the route that the model selects, or None for no route."""
        from langchain_core.messages import HumanMessage, SystemMessage

        names = [str(route.get("route_category") or "").strip() for route in self.routes or []]
        if not names or not all(names):
            raise ComponentError("Smart Router needs at least one route, and a name for each. Enter them under Routes.")
        categories = "\n".join(
            f"- {name}: {route.get('route_description') or name}"
            for name, route in zip(names, self.routes, strict=True)
        )
        rules = (
            "Select the category of the text. Answer with the name of the category only, or with NONE if no category "
            f"matches. The categories:\n{categories}"
        )
        instructions = str(self.custom_prompt or "").replace("{input_text}", str(self.input_text))
        instructions = instructions.replace("{routes}", ", ".join(names))
        messages = [SystemMessage(f"{rules}\n{instructions}".strip()), HumanMessage(str(self.input_text))]
        answer = str((await self.llm.ainvoke(messages)).text).strip().strip("\"'.*`").lower()
        self.log(f"The model answered {answer!r}.", "Routing")
        return next((number for number, name in enumerate(names, 1) if name.lower() == answer), None)
