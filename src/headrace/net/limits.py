"""Limits of outbound connections."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.errors import HeadraceError


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """Limits of one process. Connections and name lookups are divided among the accounts that use them.

    Attributes:
        lookups: name lookups at the same time.
        lookup_seconds: time for a name lookup, including the wait for its turn.
        connections: requests at the same time.
        connections_per_host: requests to one host at the same time.
        wait_seconds: time that a request waits for its turn.
        request_seconds: time for a request, from its start to the end of the response.
        response_bytes: size of a response after decompression, in bytes.

    """

    lookups: int = 32
    lookup_seconds: float = 10.0
    connections: int = 512
    connections_per_host: int = 256
    wait_seconds: float = 30.0
    request_seconds: float = 900.0
    response_bytes: int = 32 << 20


class ResponseTooLargeError(HeadraceError):
    """The response to an outbound request is too large."""

    def __init__(self, host: str, max_bytes: int) -> None:
        super().__init__(
            f"The response of {host} is larger than {max_bytes >> 20} MiB. Request less data. An operator can raise "
            "HEADRACE_MAX_OUTBOUND_RESPONSE_MIB."
        )


class RequestTimeLimitError(HeadraceError):
    """An outbound request took too long."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(
            f"The response of {host} was not complete after {seconds:g} s. Try again, or request less data. An operator can "
            "raise HEADRACE_OUTBOUND_REQUEST_SECONDS."
        )


class TooManyConnectionsError(HeadraceError):
    """An account has as many outbound requests in progress as it may have."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__(
            f"No connection to {host} became free within {seconds:g} s, because too many requests are in progress. Run fewer "
            "flows at a time. An operator can raise HEADRACE_MAX_OUTBOUND_CONNECTIONS and HEADRACE_MAX_OUTBOUND_CONNECTIONS_PER_HOST."
        )
