"""LLM Selector: a model says which of several models answers."""

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

_AIMS = {
    "quality": "the best answer, whatever it costs",
    "speed": "the fastest answer that is good enough",
    "cost": "the cheapest answer that is good enough",
    "balanced": "a good answer for what it costs and takes",
}
_NUMBER = re.compile(r"\d+")


class LLMSelectorComponent(Component):
    """Has a judge choose among models, and the chosen one answer."""

    display_name = "LLM Selector"
    description = "Has a model choose which model answers."
    icon = "git-branch"
    inputs = [
        HandleInput(
            name="models",
            display_name="Language Models",
            input_types=["LanguageModel"],
            required=True,
            is_list=True,
            info="The models to choose from.",
        ),
        MultilineInput(name="input_value", display_name="Input", required=True, info="What to answer."),
        HandleInput(
            name="judge_llm",
            display_name="Judge LLM",
            input_types=["LanguageModel"],
            required=True,
            info="Who chooses.",
        ),
        DropdownInput(
            name="optimization",
            display_name="Optimization",
            options=list(_AIMS),
            value="balanced",
            info="What matters most.",
        ),
        BoolInput(
            name="use_openrouter_specs",
            display_name="Use OpenRouter Specs",
            value=True,
            advanced=True,
            info="Kept for older flows: the judge goes by what it knows of the models, and nothing is fetched.",
        ),
        IntInput(
            name="timeout", display_name="API Timeout", value=10, advanced=True, info="Seconds that the judge may take."
        ),
        BoolInput(
            name="fallback_to_first",
            display_name="Fallback to First Model",
            value=True,
            advanced=True,
            info="Where the judge gives no choice, the first answers; else the run fails.",
        ),
    ]
    outputs = [
        Output(name="output", display_name="Output", method="route_to_model"),
        Output(name="selected_model_info", display_name="Selected Model Info", method="get_selected_model_info"),
        Output(name="routing_decision", display_name="Routing Decision", method="get_routing_decision"),
    ]

    _choice: tuple[int, str] | None = None

    async def route_to_model(self) -> Message:
        """Return the chosen model's answer."""
        from langchain_core.messages import HumanMessage

        number, _ = await self._chosen()
        answer = await self._models[number].ainvoke([HumanMessage(str(self.input_value))])
        self.status = str(answer.text)
        return Message(text=str(answer.text))

    async def get_selected_model_info(self) -> Data:
        """Return the chosen model's name and place."""
        number, _ = await self._chosen()
        return Data(data={"selected_model": _name_of(self._models[number]), "selected_index": number})

    async def get_routing_decision(self) -> Message:
        """Return a sentence that says which model was chosen, and what the judge said."""
        number, why = await self._chosen()
        return Message(text=f"Model {number}, {_name_of(self._models[number])}, answers. {why}")

    @property
    def _models(self) -> list[BaseChatModel]:
        given: list[Any] = self.models if isinstance(self.models, list) else [self.models]
        if not given:
            raise ComponentError("LLM Selector needs models to choose from. Connect some.")
        return given

    async def _chosen(self) -> tuple[int, str]:
        """Return the place of the model that answers, from 0 on, and why."""
        if self._choice is None:
            self._choice = await self._ask()
        return self._choice

    async def _ask(self) -> tuple[int, str]:
        from langchain_core.messages import HumanMessage, SystemMessage

        names = "\n".join(f"{n}: {_name_of(model)}" for n, model in enumerate(self._models))
        rules = (
            f"Choose the model that should answer what a person asks. Wanted is {_AIMS[self.optimization]}. "
            f"Answer with the model's number alone. The models:\n{names}"
        )
        messages = [SystemMessage(rules), HumanMessage(str(self.input_value))]
        try:
            async with asyncio.timeout(float(self.timeout or 10)):
                said = str((await self.judge_llm.ainvoke(messages)).text).strip()
        except TimeoutError:
            return self._fallen_back(f"The judge took longer than {self.timeout} s.")
        number = _NUMBER.search(said)
        if number is None or int(number[0]) >= len(self._models):
            return self._fallen_back(f"The judge said {said!r}, which is no model's number.")
        return int(number[0]), f"The judge said {said!r}."

    def _fallen_back(self, why: str) -> tuple[int, str]:
        if not self.fallback_to_first:
            raise ComponentError(f"{why} Switch Fallback to First Model on to have the first answer.")
        self.log(why, "Fallback")
        return 0, f"{why} So the first one answers."


def _name_of(model: object) -> str:
    return str(getattr(model, "model_name", None) or getattr(model, "model", None) or type(model).__name__)
