"""Why a caller is turned away."""

from datetime import datetime

from headrace.errors import HeadraceError, TryAgainError


class MissingCredentialsError(HeadraceError):
    """Nothing was sent that says who calls."""

    def __init__(self) -> None:
        super().__init__("An API key must be passed as query or header")


class InvalidKeyError(HeadraceError):
    """The API key is unknown, expired or switched off."""

    def __init__(self) -> None:
        super().__init__("Invalid or missing API key")


class ExpiredKeyError(HeadraceError):
    """The API key was good until a moment that is past."""

    def __init__(self, at: datetime) -> None:
        super().__init__(f"This API key expired at {at.isoformat(timespec='seconds')}. Make a new one.")


class InvalidTokenError(HeadraceError):
    """The token is expired, forged or of a user who is gone."""

    def __init__(self, message: str = "Could not validate credentials") -> None:
        super().__init__(message)


class InvalidLoginError(HeadraceError):
    """The name or the password is wrong."""

    def __init__(self, message: str = "Incorrect username or password") -> None:
        super().__init__(message)


class TooManyLoginsError(TryAgainError):
    """Too many log-ins failed; `seconds` says how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many failed logins. Try again in {seconds} s.", seconds)


class CrossSiteError(HeadraceError):
    """A browser sent a cookie from another site's page."""

    def __init__(self) -> None:
        super().__init__(
            "This request came from another site's page. Send an API key or a bearer token in place of the cookie."
        )
