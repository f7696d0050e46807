"""Base classes of components that make LangChain's chains and memories."""

from __future__ import annotations

from typing import Any

from headrace.compat.component import Component
from headrace.component import Output
from headrace.component.component import ComponentError


class LCChainComponent(Component):
    """A chain: a subclass makes and invokes it in `invoke_chain`."""

    outputs = [Output(name="text", display_name="Text", method="invoke_chain")]

    def _validate_outputs(self) -> None:
        """Make sure that the subclass has what its outputs call.

        Raises:
            ComponentError: it has not.

        """
        for output in self.outputs:
            if not hasattr(self, output.method):
                raise ComponentError(f"{type(self).__name__} has no method {output.method!r}, which its output names.")


class LCChatMemoryComponent(Component):
    """A chat's memory: a subclass makes it in `build_message_history`."""

    outputs = [Output(name="memory", display_name="Memory", method="build_message_history", types=["Memory"])]

    def build_message_history(self) -> Any:
        """Return the history; a subclass overrides it."""
        raise NotImplementedError

    def build_base_memory(self) -> Any:
        """Return the history as LangChain's older memory.

        Raises:
            ImportError: the extra `classic` isn't installed.

        """
        from headrace.compat.imports import classic

        return classic("memory").ConversationBufferMemory(chat_memory=self.build_message_history())
