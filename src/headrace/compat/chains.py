"""Base classes for components that build LangChain chains and memories."""

from __future__ import annotations

from typing import Any

from headrace.compat.component import Component
from headrace.component import Output
from headrace.component.component import ComponentError


class LCChainComponent(Component):
    """Run a chain that a subclass builds and invokes in `invoke_chain`."""

    outputs = [Output(name="text", display_name="Text", method="invoke_chain")]

    def _validate_outputs(self) -> None:
        """Check that the subclass has the methods of its outputs.

        Raises:
            ComponentError: a method is missing.

        """
        for output in self.outputs:
            if not hasattr(self, output.method):
                raise ComponentError(
                    f"{type(self).__name__} has no method {output.method!r}, which its output uses. Define the method."
                )


class LCChatMemoryComponent(Component):
    """Provide a chat history that a subclass builds in `build_message_history`."""

    outputs = [Output(name="memory", display_name="Memory", method="build_message_history", types=["Memory"])]

    def build_message_history(self) -> Any:
        """Return the chat history. Subclasses override it."""
        raise NotImplementedError

    def build_base_memory(self) -> Any:
        """Return the chat history as a memory of LangChain 0.3.

        Raises:
            ImportError: the extra `classic` is not installed.

        """
        from headrace.compat.importer import import_classic

        return import_classic("memory").ConversationBufferMemory(chat_memory=self.build_message_history())
