"""The ways in which a run fails, other than a component's error."""

from __future__ import annotations

from headrace.errors import (
    ForbiddenError,
    HeadraceError,
    NotFoundError,
    RetryLaterError,
    ServerBusyError,
    TimeLimitError,
)
from headrace.logs.request_id import current_request_id


class FlowNotFoundError(NotFoundError):
    """The caller has no flow with this id or endpoint name."""

    def __init__(self, id_or_name: str) -> None:
        super().__init__(f"Flow identifier {id_or_name} not found")


class FlowRecursionError(HeadraceError):
    """Flows call each other, nested too deeply."""

    def __init__(self, max_depth: int) -> None:
        super().__init__(
            f"Flows call each other more than {max_depth} levels deep. Look for a flow that calls itself and remove that call."
        )


class RunTimeoutError(TimeLimitError):
    """A run exceeded the operator's time limit."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The run took longer than {seconds:g} s and was stopped. An operator can raise HEADRACE_RUN_TIMEOUT_SECONDS."
        )


class InactiveOwnerError(ForbiddenError):
    """The owner of a running flow was deactivated."""

    def __init__(self) -> None:
        super().__init__("The run was stopped, because the account of the flow's owner is not active any more.")


class ServerStoppingError(ServerBusyError):
    """The server is being stopped: it starts no run, and stops those that do not end in time."""

    def __init__(self, *, was_running: bool = False) -> None:
        what = "stopped this run before its end" if was_running else "starts no new runs"
        super().__init__(f"The server is being restarted and {what}. Try again in a moment.", seconds=5)


class TooManyRunsError(RetryLaterError):
    """The server is running its maximum number of runs."""

    def __init__(self, max_runs: int) -> None:
        super().__init__(
            f"The server is at its limit of {max_runs} concurrent runs. Try again in a moment; "
            "an operator can raise HEADRACE_MAX_RUNS.",
            seconds=1,
        )


class TooManyAccountRunsError(RetryLaterError):
    """A user or visitor has as many active runs as one may have at the moment."""

    def __init__(self, active_runs: int, max_runs: int) -> None:
        super().__init__(
            f"You have {active_runs} runs active, as many as you may have at the moment: users and visitors share the "
            f"{max_runs} concurrent runs of the server. Try again when one of them has ended; an operator can raise "
            "HEADRACE_MAX_RUNS.",
            seconds=1,
        )


class InternalRunError(HeadraceError):
    """A run failed with an unexpected error, which is in the server's log."""

    def __init__(self) -> None:
        request_id = current_request_id()
        under = f" under request ID {request_id}" if request_id else ""
        super().__init__(f"The run failed because of an error in the server. The server's log has the details{under}.")


class SlowConsumerError(HeadraceError):
    """The consumer of a run's event stream fell too far behind."""

    def __init__(self) -> None:
        super().__init__(
            "The run was stopped because its client read its events too slowly. Read the stream without pauses, or start a build and "
            "poll its events."
        )
