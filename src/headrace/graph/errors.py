"""What can be wrong with a flow, and what can go wrong while it runs."""

from headrace.errors import HeadraceError


class FlowError(HeadraceError):
    """A flow cannot be run as it is drawn. Names the node or edge and what to change."""


class RunError(HeadraceError):
    """A vertex failed while the flow ran."""

    def __init__(self, display_name: str, vertex_id: str, cause: str) -> None:
        super().__init__(f"Error running graph: Error building Component {display_name}: \n\n{cause}")
        self.display_name = display_name
        self.vertex_id = vertex_id
        self.cause = cause
