"""Input fields that components with a chat model share, and their conversion to model settings."""

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
    from headrace.models.provider import Provider

INPUT = MessageInput(name="input_value", display_name="Input", info="Message to send to the model.")
SYSTEM_MESSAGE = MultilineInput(
    name="system_message", display_name="System Message", info="Instructions for the model, such as its role and tone."
)
STREAM = BoolInput(name="stream", display_name="Stream", advanced=True, info="Stream the answer token by token.")
TEMPERATURE = SliderInput(
    name="temperature",
    display_name="Temperature",
    value=0.1,
    advanced=True,
    range_spec=RangeSpec(min=0, max=1, step=0.01),
    info="Randomness of the answer: 0 is the most predictable.",
)
MAX_TOKENS = IntInput(
    name="max_tokens",
    display_name="Max Tokens",
    advanced=True,
    range_spec=RangeSpec(min=0, max=128000),
    info="Maximum number of tokens in the answer. Leave empty for no limit.",
)
MODEL_KWARGS = DictInput(
    name="model_kwargs",
    display_name="Model Kwargs",
    advanced=True,
    info="Additional parameters of the request to the model.",
)
API_BASE = StrInput(
    name="openai_api_base",
    display_name="OpenAI API Base",
    advanced=True,
    info="Base URL of another server, such as https://host/v1.",
)
SEED = IntInput(
    name="seed",
    display_name="Seed",
    value=1,
    advanced=True,
    info="Seed of the random generator. The same seed makes answers reproducible.",
)
MAX_RETRIES = IntInput(
    name="max_retries",
    display_name="Max Retries",
    value=5,
    advanced=True,
    info="Maximum number of retries after a failed request.",
)
TIMEOUT = IntInput(
    name="timeout",
    display_name="Timeout",
    value=700,
    advanced=True,
    info="Maximum time to wait for the model, in seconds.",
)

#: Inputs that all agent components share.
AGENT_INPUTS: list[Input] = [
    HandleInput(
        name="tools", display_name="Tools", input_types=["Tool"], is_list=True, info="Tools that the agent can call."
    ),
    MessageInput(name="input_value", display_name="Input", tool_mode=True, info="Message to the agent."),
    BoolInput(
        name="handle_parsing_errors",
        display_name="Handle Parse Errors",
        value=True,
        advanced=True,
        info="Return invalid tool calls to the model for correction, instead of failing the run.",
    ),
    BoolInput(
        name="verbose", display_name="Verbose", value=True, advanced=True, info="Has no effect. Exists for older flows."
    ),
    IntInput(
        name="max_iterations",
        display_name="Max Iterations",
        value=15,
        advanced=True,
        info="Maximum number of rounds of tool calls.",
    ),
    MultilineInput(
        name="agent_description",
        display_name="Agent Description [Deprecated]",
        value="A helpful assistant with access to the following tools:",
        advanced=True,
        info="Has no effect. Exists for older flows.",
    ),
]


async def api_key_of(provider: Provider, component: Component) -> str:
    """Return the API key from a component's field, or the one of the server's environment if the owner may use it."""
    if component.api_key or provider.key_variable is None:
        return component.api_key or ""
    return await component.context.get_environment_secret(provider.key_variable) or ""


def base_url_of(provider: Provider, component: Component) -> str:
    """Return the base URL from a component's fields, or an empty string."""
    return next((str(url) for name in provider.base_url_fields if (url := getattr(component, name, None))), "")


def settings_from_component(component: Component, *, api_key: str, base_url: str) -> ModelSettings:
    """Return the model settings from a component's fields, an API key and a base URL."""
    return ModelSettings(
        model=component.model_name,
        api_key=api_key,
        base_url=base_url,
        temperature=float(component.temperature),
        max_tokens=int(component.max_tokens or component.values.get("max_output_tokens") or 0) or None,
        timeout=float(component.output_timeout or 700),
        max_retries=int(component.max_retries or 0),
        seed=int(component.seed) if component.seed not in (None, "") else None,
        json_mode=bool(component.values.get("json_mode")),
        extra=component.model_kwargs or {},
    )
