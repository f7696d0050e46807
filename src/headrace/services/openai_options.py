"""The options of OpenAI requests in runs: what a flow cannot honour is an error that names the parameter."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from headrace.errors import BadRequestError, HeadraceError
from headrace.formats.openai.errors import ParameterError, UnsupportedParameterError
from headrace.graph.errors import RunError
from headrace.models.attachments import ContentError
from headrace.models.openai_chat.errors import InvalidRequestError
from headrace.models.request_options import UnsupportedOptionError
from headrace.runs.answering_models import check_model_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.formats.openai.flow_input import FlowInput
    from headrace.graph.plan import Plan
    from headrace.runs.request import RunRequest


def checked_options(plan: Plan, run_request: RunRequest, flow_input: FlowInput) -> RunRequest:
    """Return the request of a run with the input and the options of an OpenAI request.

    Raises:
        UnsupportedParameterError: The flow cannot honour one of the options.

    """
    run_request = replace(run_request, input_value=flow_input.text, model_options=flow_input.options)
    try:
        check_model_options(plan, run_request)
    except UnsupportedOptionError as error:
        raise _unsupported_parameter(error, flow_input) from error
    return run_request


def client_error(error: HeadraceError, flow_input: FlowInput) -> HeadraceError:
    """Return the error of a run as the client gets it: with the status 400 if the request is the cause."""
    if isinstance(error, UnsupportedOptionError):
        return _unsupported_parameter(error, flow_input)
    if not isinstance(error, RunError):
        return error
    cause = error.__cause__
    if isinstance(cause, ContentError):
        return ParameterError(flow_input.parameter_of("attachments"), cause.message)
    if isinstance(cause, InvalidRequestError) and flow_input.options.requested():
        # The flow works with its own options, as far as the server knows.
        return BadRequestError(error.message)
    return error


@contextmanager
def client_errors(flow_input: FlowInput) -> Iterator[None]:
    """Raise the errors of runs as the client gets them."""
    try:
        yield
    except HeadraceError as error:
        reported = client_error(error, flow_input)
        if reported is error:
            raise
        raise reported from error


def _unsupported_parameter(error: UnsupportedOptionError, flow_input: FlowInput) -> UnsupportedParameterError:
    return UnsupportedParameterError(flow_input.parameter_of(error.option), error.message)
