"""Errors of authentication."""

from datetime import datetime

from headrace.errors import BadRequestError, ForbiddenError, RetryLaterError, ServerBusyError, UnauthorizedError


class MissingCredentialsError(ForbiddenError):
    """The request has no credentials."""

    def __init__(self) -> None:
        super().__init__("An API key must be passed as query or header")


class InvalidKeyError(ForbiddenError):
    """The API key is unknown or inactive."""

    def __init__(self) -> None:
        super().__init__("Invalid or missing API key")


class ExpiredKeyError(ForbiddenError):
    """The API key has expired."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"This API key expired at {at.isoformat(timespec='seconds')}. Create a new key.")


class InvalidTokenError(UnauthorizedError):
    """The token is not valid or has expired, or its user is missing or inactive."""

    def __init__(self, message: str = "Could not validate credentials") -> None:
        super().__init__(message)


class InactiveTokenUserError(InvalidTokenError):
    """The user of a token is missing or inactive."""

    def __init__(self) -> None:
        super().__init__("User not found or is inactive.")


class InvalidLoginError(UnauthorizedError):
    """The name or the password is wrong."""

    def __init__(self, message: str = "Incorrect username or password") -> None:
        super().__init__(message)


class InactiveUserError(BadRequestError):
    """The user of a login is not active. Only a request with the right password learns this."""

    def __init__(self, *, was_active: bool) -> None:
        super().__init__("Inactive user" if was_active else "Waiting for approval")


class TooManyLoginsError(RetryLaterError):
    """Too many logins failed. `Retry-After` is the time to wait."""

    def __init__(self, seconds: int, message: str | None = None) -> None:
        super().__init__(message or f"Too many failed logins. Try again in {seconds} s.", seconds)


class PasswordQueueFullError(ServerBusyError):
    """Too many passwords are waiting to be checked or hashed. `Retry-After` is the time to wait."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The server is checking its maximum of {limit} passwords. Try again later. An operator can raise "
            "HEADRACE_MAX_WAITING_PASSWORDS.",
            1,
        )


class CrossSiteError(ForbiddenError):
    """A browser sent a cookie from another site's page."""

    def __init__(self) -> None:
        super().__init__(
            "This request came from another site's page. Send an API key or a bearer token in place of the cookie. An "
            "operator can allow the page in LANGFLOW_CORS_ORIGINS; if a proxy terminates TLS, list it in "
            "HEADRACE_TRUSTED_PROXIES."
        )
