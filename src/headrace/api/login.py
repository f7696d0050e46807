"""Log in, stay in, log out."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel

from headrace.api.answers import Note
from headrace.api.errors import AutoLoginOffError
from headrace.api.state import ACCESS_COOKIE, REFRESH_COOKIE, STORE_KEY_COOKIE, Server, State
from headrace.auth.errors import InvalidLoginError, InvalidTokenError
from headrace.auth.passwords import password_fits
from headrace.store import users

router = APIRouter(prefix="/api/v1", tags=["Login"])


_LOOPBACK_NAMES = {"127.0.0.1", "localhost", "::1"}


class Token(BaseModel):
    """A pair of tokens: the first opens, the second makes new pairs."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"


def _set_cookies(response: Response, server: State, token: Token, *, store_key: bool) -> None:
    settings = server.settings
    response.set_cookie(
        REFRESH_COOKIE,
        token.refresh_token,
        max_age=settings.refresh_token_expire_seconds,
        httponly=settings.refresh_httponly,
        samesite=settings.refresh_same_site,
        secure=settings.refresh_secure,
        domain=settings.cookie_domain,
    )
    response.set_cookie(
        ACCESS_COOKIE,
        token.access_token,
        max_age=settings.access_token_expire_seconds,
        httponly=settings.access_httponly,
        samesite=settings.access_same_site,
        secure=settings.access_secure,
        domain=settings.cookie_domain,
    )
    set_store_cookie(response, server, stored=store_key)


def set_store_cookie(response: Response, server: State, *, stored: bool) -> None:
    """Let an editor know whether the caller has saved a key of the component store. The key itself never leaves."""
    settings = server.settings
    response.set_cookie(
        STORE_KEY_COOKIE,
        "stored" if stored else "",
        httponly=True,
        samesite="lax",
        secure=settings.access_secure or settings.refresh_secure,
        domain=settings.cookie_domain,
    )


def _pair(server: State, user_id: UUID) -> Token:
    return Token(
        access_token=server.tokens.make(user_id, "access"), refresh_token=server.tokens.make(user_id, "refresh")
    )


@router.post(
    "/login",
    responses={401: {"description": "The name or the password is wrong"}, 429: {"description": "Too many failures"}},
)
async def login(
    request: Request, response: Response, form: Annotated[OAuth2PasswordRequestForm, Depends()], server: Server
) -> Token:
    """Exchange a name and a password for tokens, in the body and as cookies."""
    address = request.client.host if request.client else ""
    server.attempts.check(address, form.username)
    async with server.store.reading() as connection:
        user = await users.by_name(connection, form.username)
    if not await asyncio.to_thread(password_fits, form.password, user["password"] if user else None) or user is None:
        server.attempts.failed(address, form.username)
        raise InvalidLoginError
    if not user["is_active"]:
        raise InvalidLoginError("Waiting for approval" if user["last_login_at"] is None else "Inactive user")
    server.attempts.succeeded(address, form.username)
    await server.store.write(lambda connection: users.change(connection, user["id"], last_login_at=datetime.now(UTC)))
    token = _pair(server, user["id"])
    _set_cookies(response, server, token, store_key=bool(user["store_api_key"]))
    return token


def _asked_locally(request: Request) -> bool:
    """Return whether no proxy stands before the server, and no page of another site points its own name at it (DNS rebinding)."""
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return not forwarded and request.url.hostname in _LOOPBACK_NAMES


class AutoLogin(BaseModel):
    """The one user's access token."""

    access_token: str
    refresh_token: str | None = None
    token_type: Literal["bearer"] = "bearer"


@router.get("/auto_login", responses={400: {"description": "Auto login is off"}})
async def auto_login(request: Request, response: Response, server: Server) -> AutoLogin:
    """Log in as the one user of a server that only this machine reaches."""
    if not server.settings.auto_login:
        raise AutoLoginOffError("Auto login is disabled. Please enable it in the settings")
    if not server.settings.allow_public_auto_login and not _asked_locally(request):
        raise AutoLoginOffError(
            "Auto login works only for a browser on the server's own machine that asks for it by a loopback name"
        )
    async with server.store.reading() as connection:
        user = await users.by_name(connection, server.settings.superuser)
    if user is None:
        raise InvalidTokenError("The default user is gone")
    token = _pair(server, user["id"])
    _set_cookies(response, server, token, store_key=bool(user["store_api_key"]))
    return AutoLogin(access_token=token.access_token)


@router.post("/refresh", responses={401: {"description": "No refresh token, or one that is no good"}})
async def refresh(request: Request, response: Response, server: Server) -> Token:
    """Exchange the refresh cookie for a new pair of tokens."""
    cookie = request.cookies.get(REFRESH_COOKIE)
    if not cookie:
        raise InvalidTokenError("Invalid refresh token")
    try:
        user_id = server.tokens.read(cookie, "refresh")
    except InvalidTokenError as error:
        raise InvalidTokenError("Invalid refresh token") from error
    async with server.store.reading() as connection:
        user = await users.by_id(connection, user_id)
    if user is None or not user["is_active"]:
        raise InvalidTokenError("Invalid refresh token")
    token = _pair(server, user_id)
    _set_cookies(response, server, token, store_key=bool(user["store_api_key"]))
    return token


@router.post("/logout")
async def logout(response: Response, server: Server) -> Note:
    """Clear the cookies."""
    settings = server.settings
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
    return Note(message="Logout successful")
