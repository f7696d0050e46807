"""Smart Router: a model says which way a text goes."""

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
from headrace.component.editing import Editing
from headrace.schema import Message

#: The output of the n-th route, from 1 on, and the one of what fits none.
_ROUTE = re.compile(r"^category_(\d+)_result$")
ELSE = "default_result"

COLUMNS = [
    {
        "name": "route_category",
        "display_name": "Route Name",
        "type": "str",
        "description": "What the way is called.",
        "edit_mode": "inline",
    },
    {
        "name": "route_description",
        "display_name": "Route Description",
        "type": "str",
        "description": "What goes this way; the model reads it.",
        "default": "",
        "edit_mode": "popover",
    },
    {
        "name": "output_value",
        "display_name": "Route Message (Optional)",
        "type": "str",
        "description": "What is handed on; empty for the text itself.",
        "default": "",
        "edit_mode": "popover",
    },
]


class SmartRouterComponent(Component):
    """Asks a model which of the routes a text belongs to; what hangs on the others does not run."""

    name = "SmartRouter"
    display_name = "Smart Router"
    description = "Has a model choose which way a text goes."
    icon = "route"
    inputs = [
        HandleInput(
            name="llm", display_name="Language Model", input_types=["LanguageModel"], required=True, info="Who chooses."
        ),
        MessageTextInput(name="input_text", display_name="Input", required=True, info="The text."),
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
            info="The ways that there are.",
        ),
        MessageInput(name="message", display_name="Override Output", advanced=True, info="What every way hands on."),
        BoolInput(
            name="enable_else_output",
            display_name="Include Else Output",
            advanced=True,
            info="A way for what fits none.",
        ),
        MultilineInput(
            name="custom_prompt",
            display_name="Additional Instructions",
            advanced=True,
            info="More for the model to go by; {input_text} and {routes} stand for these.",
        ),
    ]
    outputs = []

    _chosen: int | None = None
    _asked = False

    @classmethod
    def output(cls, name: str) -> Output | None:
        """Return a route's output, or that of what fits none."""
        if _ROUTE.match(name) or name == ELSE:
            return Output(name=name, method="process_case", types=["Message"], group_outputs=True)
        return super().output(name)

    @classmethod
    async def edited(cls, node: dict[str, Any], field: str, editing: Editing) -> dict[str, Any]:
        """Return the node with an output for each route."""
        if field not in {"routes", "enable_else_output"}:
            return node
        routes = node["template"]["routes"].get("value") or []
        names = [(f"category_{n}_result", r.get("route_category") or f"Route {n}") for n, r in enumerate(routes, 1)]
        if node["template"]["enable_else_output"].get("value"):
            names.append((ELSE, "Else"))
        outputs = [
            Output(name=n, display_name=shown, method="process_case", types=["Message"], group_outputs=True).to_json()
            for n, shown in names
        ]
        return {**node, "outputs": outputs}

    def method_of(self, output: Output) -> Callable[[], object]:
        """Return what hands the text on to one of the outputs, or closes it."""
        route = _ROUTE.match(output.name)
        if route is None and output.name != ELSE:
            return super().method_of(output)

        async def process_case() -> Message:
            return await self._handed_on(output.name, int(route[1]) if route else None)

        return process_case

    async def _handed_on(self, name: str, route: int | None) -> Message:
        if not self._asked:
            self._chosen, self._asked = await self._ask(), True
        if self._chosen != route:
            self.stop(name)
            return Message()
        given = self.message.text if isinstance(self.message, Message) else str(self.message or "")
        told = str(self.routes[route - 1].get("output_value") or "") if route is not None else ""
        message = Message(text=given or told or str(self.input_text))
        self.status = message
        return message

    async def _ask(self) -> int | None:
        """Return the number of the route that the model chose, or None for none."""
        from langchain_core.messages import HumanMessage, SystemMessage

        names = [str(route.get("route_category") or "").strip() for route in self.routes or []]
        if not names or not all(names):
            raise ComponentError("Smart Router needs routes, each with a name.")
        listed = "\n".join(f"- {n}: {r.get('route_description') or n}" for n, r in zip(names, self.routes, strict=True))
        rules = (
            "Say which category the text belongs to. Answer with the name of the category alone, and with NONE if it "
            f"belongs to none of them. The categories:\n{listed}"
        )
        more = str(self.custom_prompt or "").replace("{input_text}", str(self.input_text))
        more = more.replace("{routes}", ", ".join(names))
        messages = [SystemMessage(f"{rules}\n{more}".strip()), HumanMessage(str(self.input_text))]
        said = str((await self.llm.ainvoke(messages)).text).strip().strip("\"'.*`").lower()
        self.log(f"The model said {said!r}.", "Routing")
        return next((n for n, name in enumerate(names, 1) if name.lower() == said), None)
