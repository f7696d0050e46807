"""Count the tokens of LangChain models, whichever code calls them."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook

from headrace.models.usage import record_usage
from headrace.schema.token_usage import TokenUsage


class UsageHandler(BaseCallbackHandler):
    """Counts the tokens of each answer for the vertex that is running."""

    #: In the context of the call, not in a thread.
    run_inline = True

    # All other events, and the start of a call, for which LangChain would write its messages as one text.
    ignore_chat_model = True
    ignore_chain = True
    ignore_agent = True
    ignore_retriever = True
    ignore_custom_event = True

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Count the tokens of an answer."""
        for candidates in response.generations:
            answer = candidates[0] if candidates else None
            if isinstance(answer, ChatGeneration) and (usage := usage_of(answer.message)) is not None:
                record_usage(usage)


_HANDLER = UsageHandler()
#: LangChain adds the value to the callbacks of each call.
_current_handler: ContextVar[Any] = ContextVar("usage_handler", default=_HANDLER)


@functools.cache
def count_langchain_calls() -> None:
    """Count the tokens of all calls of LangChain models in this process from now on."""
    register_configure_hook(_current_handler, inheritable=True)


def usage_of(message: BaseMessage) -> TokenUsage | None:
    """Return the tokens that a model reports with its answer, or None."""
    usage = getattr(message, "usage_metadata", None)
    if not usage:
        return None
    return TokenUsage(
        usage["input_tokens"],
        usage["output_tokens"],
        usage.get("input_token_details", {}).get("cache_read") or 0,
        usage.get("output_token_details", {}).get("reasoning") or 0,
    )
