"""LLM Selector: a judge model selects the model that answers."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from headrace.component import (
    BoolInput,
    Component,
    ComponentError,
    DropdownInput,
    HandleInput,
    IntInput,
    MultilineInput,
    Output,
)
from headrace.schema import Data, Message

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

_GOALS = {
    "quality": "the best answer at any cost",
    "speed": "the fastest answer that is good enough",
    "cost": "the cheapest answer that is good enough",
    "balanced": "a good balance of quality, speed and cost",
}
_NUMBER = re.compile(r"\d+")


class LLMSelectorComponent(Component):
    """Let a judge model select one of several models, and return the answer of the selected model."""

    display_name = "LLM Selector"
    description = "Lets a judge model select the model that answers."
    icon = "git-branch"
    inputs = [
        HandleInput(
            name="models",
            display_name="Language Models",
            input_types=["LanguageModel"],
            required=True,
            is_list=True,
            info="Models to select from.",
        ),
        MultilineInput(name="input_value", display_name="Input", required=True, info="Text to answer."),
        HandleInput(
            name="judge_llm",
            display_name="Judge LLM",
            input_types=["LanguageModel"],
            required=True,
            info="Model that selects one of the models.",
        ),
        DropdownInput(
            name="optimization",
            display_name="Optimization",
            options=list(_GOALS),
            value="balanced",
            info="Goal of the selection.",
        ),
        BoolInput(
            name="use_openrouter_specs",
            display_name="Use OpenRouter Specs",
            value=True,
            advanced=True,
            info="Has no effect. The judge uses its own knowledge of the models.",
        ),
        IntInput(
            name="timeout",
            display_name="API Timeout",
            value=10,
            advanced=True,
            info="Time limit for the judge, in seconds.",
        ),
        BoolInput(
            name="fallback_to_first",
            display_name="Fallback to First Model",
            value=True,
            advanced=True,
            info="Use the first model if the judge makes no valid selection. Off to fail instead.",
        ),
    ]
    outputs = [
        Output(name="output", display_name="Output", method="route_to_model"),
        Output(name="selected_model_info", display_name="Selected Model Info", method="get_selected_model_info"),
        Output(name="routing_decision", display_name="Routing Decision", method="get_routing_decision"),
    ]

    _selection: tuple[int, str] | None = None

    async def route_to_model(self) -> Message:
        """Return the selected model's answer."""
        from langchain_core.messages import HumanMessage

        index, _ = await self._select()
        answer = await self._models[index].ainvoke([HumanMessage(str(self.input_value))])
        self.status = str(answer.text)
        return Message(text=str(answer.text))

    async def get_selected_model_info(self) -> Data:
        """Return the selected model's name and index."""
        index, _ = await self._select()
        return Data(data={"selected_model": _name_of(self._models[index]), "selected_index": index})

    async def get_routing_decision(self) -> Message:
        """Return a sentence with the selected model and the reason."""
        index, reason = await self._select()
        return Message(text=f"Selected model {index}, {_name_of(self._models[index])}. {reason}")

    @property
    def _models(self) -> list[BaseChatModel]:
        models: list[Any] = self.models if isinstance(self.models, list) else [self.models]
        if not models:
            raise ComponentError("LLM Selector has no models to select from. Connect at least one to Language Models.")
        return models

    async def _select(self) -> tuple[int, str]:
        """Return the index of the selected model and the reason, asking the judge once."""
        if self._selection is None:
            self._selection = await self._ask_judge()
        return self._selection

    async def _ask_judge(self) -> tuple[int, str]:
        from langchain_core.messages import HumanMessage, SystemMessage

        names = "\n".join(f"{index}: {_name_of(model)}" for index, model in enumerate(self._models))
        rules = (
            f"Select the model that should answer the user's message. The goal is {_GOALS[self.optimization]}. "
            f"Answer with the model's number only. The models:\n{names}"
        )
        messages = [SystemMessage(rules), HumanMessage(str(self.input_value))]
        try:
            async with asyncio.timeout(float(self.output_timeout or 10)):
                answer = str((await self.judge_llm.ainvoke(messages)).text).strip()
        except TimeoutError:
            return self._use_first(f"The judge did not answer within {self.output_timeout} s.")
        number = _NUMBER.search(answer)
        if number is None or int(number[0]) >= len(self._models):
            return self._use_first(f"The judge answered {answer!r}, which is not a model's number.")
        return int(number[0]), f"The judge answered {answer!r}."

    def _use_first(self, reason: str) -> tuple[int, str]:
        if not self.fallback_to_first:
            raise ComponentError(f"{reason} Turn on Fallback to First Model to use the first model in this case.")
        self.log(reason, "Fallback")
        return 0, f"{reason} The first model is used."


def _name_of(model: object) -> str:
    return str(getattr(model, "model_name", None) or getattr(model, "model", None) or type(model).__name__)
