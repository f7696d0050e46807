"""Errors of flows and of runs."""

from headrace.errors import BadRequestError, HeadraceError

#: Characters of the error message of a component that are reported.
MAX_CAUSE_CHARACTERS = 20_000


class FlowError(BadRequestError):
    """A flow is not valid. The message names the node or edge and the change that fixes it."""


class RunError(HeadraceError):
    """A vertex failed while a flow ran.

    The message has the form of Langflow 1.7, which clients parse.
    """

    def __init__(self, display_name: str, vertex_id: str, cause: str, traceback: str | None = None) -> None:
        super().__init__(f"Error running graph: Error building Component {display_name}: \n\n{cause}")
        self.display_name = display_name
        self.vertex_id = vertex_id
        self.cause = cause
        #: The lines of the component's code in the traceback, for the flow's owner; None if there are none.
        self.traceback = traceback
