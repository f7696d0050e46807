"""The fields of a chat model's settings that several components have, and the settings that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.component import (
    BoolInput,
    DictInput,
    HandleInput,
    IntInput,
    MessageInput,
    MultilineInput,
    RangeSpec,
    SliderInput,
    StrInput,
)
from headrace.component.inputs import Input
from headrace.models.provider import ModelSettings

if TYPE_CHECKING:
    from headrace.component import Component

INPUT = MessageInput(name="input_value", display_name="Input", info="What to ask.")
SYSTEM_MESSAGE = MultilineInput(
    name="system_message", display_name="System Message", info="How the model should behave."
)
STREAM = BoolInput(name="stream", display_name="Stream", advanced=True, info="Hand the answer on token by token.")
TEMPERATURE = SliderInput(
    name="temperature",
    display_name="Temperature",
    value=0.1,
    advanced=True,
    range_spec=RangeSpec(min=0, max=1, step=0.01),
    info="How freely the model words its answer.",
)
MAX_TOKENS = IntInput(
    name="max_tokens",
    display_name="Max Tokens",
    advanced=True,
    range_spec=RangeSpec(min=0, max=128000),
    info="A bound on the answer's length; empty for none.",
)
MODEL_KWARGS = DictInput(
    name="model_kwargs", display_name="Model Kwargs", advanced=True, info="More settings of the protocol."
)
API_BASE = StrInput(
    name="openai_api_base",
    display_name="OpenAI API Base",
    advanced=True,
    info="Another server's address, such as https://host/v1.",
)
SEED = IntInput(
    name="seed", display_name="Seed", value=1, advanced=True, info="The same seed asks for the same answer."
)
MAX_RETRIES = IntInput(
    name="max_retries",
    display_name="Max Retries",
    value=5,
    advanced=True,
    info="How often to try again after a failure.",
)
TIMEOUT = IntInput(
    name="timeout", display_name="Timeout", value=700, advanced=True, info="Seconds to wait for the answer."
)

#: What every agent has: its tools, what is said to it, and how it goes about it.
AGENT_INPUTS: list[Input] = [
    HandleInput(name="tools", display_name="Tools", input_types=["Tool"], is_list=True, info="What it may use."),
    MessageInput(name="input_value", display_name="Input", tool_mode=True, info="What is said to it."),
    BoolInput(
        name="handle_parsing_errors",
        display_name="Handle Parse Errors",
        value=True,
        advanced=True,
        info="Tell the model of calls that cannot be read, instead of failing.",
    ),
    BoolInput(name="verbose", display_name="Verbose", value=True, advanced=True, info="Kept for older flows."),
    IntInput(
        name="max_iterations",
        display_name="Max Iterations",
        value=15,
        advanced=True,
        info="How often it may ask for tools.",
    ),
    MultilineInput(
        name="agent_description",
        display_name="Agent Description [Deprecated]",
        value="A helpful assistant with access to the following tools:",
        advanced=True,
        info="Kept for older flows.",
    ),
]


def settings_of(component: Component, *, api_key: str, base_url: str) -> ModelSettings:
    """Return the settings in a component's fields, for this key and this address."""
    return ModelSettings(
        model=component.model_name,
        api_key=api_key,
        base_url=base_url,
        temperature=float(component.temperature),
        max_tokens=int(component.max_tokens or component.values.get("max_output_tokens") or 0) or None,
        timeout=float(component.timeout or 700),
        max_retries=int(component.max_retries or 0),
        seed=int(component.seed) if component.seed not in (None, "") else None,
        json_mode=bool(component.values.get("json_mode")),
        extra=component.model_kwargs or {},
    )
