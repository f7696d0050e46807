"""Routes to log in, to renew tokens and to log out."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel

from headrace.api.authentication import ACCESS_COOKIE, authenticate
from headrace.api.dependencies import REFRESH_COOKIE, STORE_KEY_COOKIE, Services, ServicesDep
from headrace.api.http.client_address import client_address
from headrace.api.schemas.messages import MessageResponse
from headrace.auth.errors import CrossSiteError
from headrace.errors import HeadraceError
from headrace.services.login import Login

router = APIRouter(prefix="/api/v1", tags=["Login"])

#: Host names that reach only the server's own machine.
_LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}


class Token(BaseModel):
    """An access token, and a refresh token that can be exchanged for new tokens."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"


def _set_cookies(response: Response, server: Services, login: Login) -> None:
    settings = server.settings.auth
    response.set_cookie(
        REFRESH_COOKIE,
        login.refresh_token,
        max_age=settings.refresh_token_expire_seconds,
        httponly=settings.refresh_httponly,
        samesite=settings.refresh_same_site,
        secure=settings.refresh_secure,
        domain=settings.cookie_domain,
    )
    response.set_cookie(
        ACCESS_COOKIE,
        login.access_token,
        max_age=settings.access_token_expire_seconds,
        httponly=settings.access_httponly,
        samesite=settings.access_same_site,
        secure=settings.access_secure,
        domain=settings.cookie_domain,
    )
    set_store_cookie(response, server, stored=login.has_store_key)


def set_store_cookie(response: Response, server: Services, *, stored: bool) -> None:
    """Set the cookie that tells an editor whether the caller has saved a key of the component store; it never contains the key."""
    settings = server.settings.auth
    response.set_cookie(
        STORE_KEY_COOKIE,
        "stored" if stored else "",
        httponly=True,
        samesite="lax",
        secure=settings.access_secure or settings.refresh_secure,
        domain=settings.cookie_domain,
    )


@router.post(
    "/login",
    responses={
        400: {"description": "The user is not active, or waits for approval"},
        401: {"description": "The name or the password is wrong"},
        429: {"description": "Too many failed attempts"},
        503: {"description": "Too many passwords are waiting to be checked"},
    },
)
async def login(
    request: Request, response: Response, form: Annotated[OAuth2PasswordRequestForm, Depends()], server: ServicesDep
) -> Token:
    """Exchange a name and a password for tokens, which are returned in the body and as cookies."""
    login = await server.logins.log_in(client_address(request.scope), form.username, form.password)
    return _respond(response, server, login)


def _respond(response: Response, server: Services, login: Login) -> Token:
    _set_cookies(response, server, login)
    return Token(access_token=login.access_token, refresh_token=login.refresh_token)


def _is_local(request: Request) -> bool:
    """Return whether the request comes from the server's own machine and addresses it by a loopback name.

    The header check excludes requests that a proxy forwards. The name check excludes pages of other sites whose host
    name resolves to this machine (DNS rebinding).
    """
    is_forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return not is_forwarded and request.url.hostname in _LOOPBACK_NAMES


class AutoLogin(BaseModel):
    """The superuser's access token."""

    access_token: str
    refresh_token: str | None = None
    token_type: Literal["bearer"] = "bearer"


@router.get("/auto_login", responses={400: {"description": "Auto login is disabled"}})
async def auto_login(request: Request, response: Response, server: ServicesDep) -> AutoLogin:
    """Log in as the superuser without a password, on a server that only its own machine can reach."""
    login = await server.logins.log_in_automatically(is_local=_is_local(request))
    _set_cookies(response, server, login)
    return AutoLogin(access_token=login.access_token)


@router.post("/refresh", responses={401: {"description": "The refresh token is missing, not valid or used"}})
async def refresh(request: Request, response: Response, server: ServicesDep) -> Token:
    """Exchange the refresh cookie for new tokens. Each refresh token can be used once; a second use ends its session."""
    return _respond(response, server, await server.logins.refresh(request.cookies.get(REFRESH_COOKIE)))


@router.post("/logout", responses={403: {"description": "The request came from another site's page"}})
async def logout(request: Request, response: Response, server: ServicesDep) -> MessageResponse:
    """End all login sessions of the caller, on all devices, and delete the cookies. Without a valid token, only delete them."""
    await server.logins.log_out(await _current_session(request), request.cookies.get(REFRESH_COOKIE))
    settings = server.settings.auth
    response.delete_cookie(
        REFRESH_COOKIE,
        httponly=settings.refresh_httponly,
        samesite=settings.refresh_same_site,
        secure=settings.refresh_secure,
        domain=settings.cookie_domain,
    )
    response.delete_cookie(
        ACCESS_COOKIE,
        httponly=settings.access_httponly,
        samesite=settings.access_same_site,
        secure=settings.access_secure,
        domain=settings.cookie_domain,
    )
    response.delete_cookie(STORE_KEY_COOKIE, httponly=True, samesite="lax", domain=settings.cookie_domain)
    return MessageResponse(message="Logout successful")


async def _current_session(request: Request) -> UUID | None:
    """Return the login session of a request, or None if it has none or its access token is not valid.

    Raises:
        CrossSiteError: A page of another site may have sent the cookie.

    """
    try:
        return (await authenticate(request.scope)).session_id
    except CrossSiteError:
        raise
    except HeadraceError:
        return None
