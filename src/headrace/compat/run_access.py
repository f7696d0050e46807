"""Methods and properties through which a component uses its run: context, variables, messages, other flows."""

from __future__ import annotations

from typing import Any

from headrace.compat.run_views import GraphView, ResultData, RunOutputs
from headrace.component.component import Component, ComponentError
from headrace.component.component_run import run_of, shadowable_property
from headrace.component.context import FlowCall
from headrace.component.environment_secret import value_for_code
from headrace.schema import Message
from headrace.schema.message import SENDER_AI, SENDER_NAME_AI


class RunAccessMixin(Component):
    """The part of the component API of Langflow 1.7 that concerns the current run."""

    @shadowable_property
    def ctx(self) -> dict[str, Any]:
        """The state that all components of a run share."""
        return run_of(self).context.shared_state

    def update_ctx(self, value_dict: dict[str, Any]) -> None:
        """Add entries to `ctx`."""
        run_of(self).context.shared_state.update(value_dict)

    def add_to_ctx(self, key: str, value: Any, *, overwrite: bool = False) -> None:
        """Add an entry to `ctx`.

        Raises:
            ValueError: the key exists and `overwrite` is not set.

        """
        shared_state = run_of(self).context.shared_state
        if key in shared_state and not overwrite:
            raise ValueError(f"Key {key} already exists in context. Set overwrite=True to overwrite.")
        shared_state[key] = value

    @shadowable_property
    def graph(self) -> GraphView:
        """The current run."""
        context = run_of(self).context
        return GraphView(context.session_id, context.flow_id, context.user_id, context.shared_state)

    @shadowable_property
    def flow_id(self) -> str:
        """The id of the flow."""
        return run_of(self).context.flow_id

    @shadowable_property
    def flow_name(self) -> str | None:
        """None: components get only the id of their flow."""
        return None

    @shadowable_property
    def user_id(self) -> str | None:
        """The id of the flow's owner."""
        return run_of(self).context.user_id

    @shadowable_property
    def trace_name(self) -> str:
        """The name of the component in traces."""
        return f"{type(self).display_name} ({run_of(self).vertex_id})"

    async def get_variables(self, name: str, field: str = "") -> str:
        """Return the value of one of the owner's variables."""
        return value_for_code(await run_of(self).context.get_secret(name, None), type(self))

    async def get_variable(self, name: str, field: str = "", session: object = None) -> str:
        """Return the value of one of the owner's variables."""
        return value_for_code(await run_of(self).context.get_secret(name, None), type(self))

    async def send_message(self, message: Message, id_: str | None = None, *, skip_db_update: bool = False) -> Message:
        """Show a message in the chat and, unless `skip_db_update` is set, store it in the session."""
        message.session_id = message.session_id or run_of(self).context.session_id
        message.flow_id = message.flow_id or run_of(self).context.flow_id
        if skip_db_update:
            run_of(self).context.emit_message(message)
        else:
            await run_of(self).context.save_message(message)
        return message

    async def send_error(
        self, exception: Exception, session_id: str, trace_name: str = "", source: object = None
    ) -> Message:
        """Show an error in the chat and store it in the session."""
        text = str(exception) or type(exception).__name__
        error = Message(
            text=text,
            session_id=session_id,
            sender=SENDER_AI,
            sender_name=SENDER_NAME_AI,
            error=True,
            category="error",
        )
        return await RunAccessMixin.send_message(self, error)

    async def run_flow(
        self,
        inputs: dict[str, Any] | list[dict[str, Any]] | None = None,
        flow_id: str | None = None,
        flow_name: str | None = None,
        output_type: str | None = "chat",
        tweaks: dict[str, Any] | None = None,
    ) -> list[RunOutputs]:
        """Run another flow of the same owner once per input, and return the answer of each run.

        Raises:
            ComponentError: neither `flow_id` nor `flow_name` is set.

        """
        flow = flow_id or flow_name
        if not flow:
            raise ComponentError("run_flow needs a flow. Pass flow_id or flow_name.")
        answers: list[RunOutputs] = []
        for run_input in inputs if isinstance(inputs, list) else [inputs or {}]:
            text = run_input.get("input_value")
            call = FlowCall(flow=flow, input_value=None if text is None else str(text), tweaks=tweaks or {})
            result = await run_of(self).context.run_flow(call)
            results = [ResultData(i, dict(result.outputs[i])) for i in result.output_vertices]
            answers.append(RunOutputs(run_input, results))
        return answers

    def stop(self, output_name: str | None = None) -> None:
        """Close an output for this run, or all outputs; vertices that depend on closed outputs alone do not run."""
        run_of(self).closed_outputs |= (
            {output_name} if output_name is not None else {o.name for o in type(self).outputs}
        )

    def start(self, output_name: str | None = None) -> None:
        """Reopen a closed output, or all closed outputs."""
        closed = run_of(self).closed_outputs
        closed -= {output_name} if output_name is not None else set(closed)

    @staticmethod
    def resolve_path(path: str) -> str:
        """Return the path unchanged: it identifies a file of the owner, not a location on disk."""
        return path

    def get_full_path(self, path: str) -> str:
        """Return the path unchanged; see `resolve_path`."""
        return path

    def get_langchain_callbacks(self) -> list[Any]:
        """Return no callbacks: the server traces runs without LangChain."""
        return []
