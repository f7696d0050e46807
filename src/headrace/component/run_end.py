"""`EndRun`: a component ends the run."""

from __future__ import annotations


class EndRun(Exception):
    """Raised by a component, or by the stream of its message, to end the run with success.

    Vertices that have not run are left out; those that are running are cancelled.
    """
