"""An OAuth authorization server that publishes its metadata and keys, and issues tokens to tests."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from fastapi import FastAPI

from tests.support.server import serving


@dataclass
class AuthorizationServer:
    """A running authorization server; `url` is its issuer."""

    url: str = ""
    keys: dict[str, EllipticCurvePrivateKey] = field(default_factory=lambda: {"k1": generate_private_key(SECP256R1())})

    def token(self, audience: str, *, key_id: str = "k1", **claims: Any) -> str:
        """Return an access token that is valid for an hour, unless the claims say otherwise."""
        body = {"iss": self.url, "aud": audience, "exp": int(time.time()) + 3600, "scope": "flows", **claims}
        return jwt.encode(
            {k: v for k, v in body.items() if v is not None}, self.keys[key_id], "ES256", headers={"kid": key_id}
        )

    def app(self) -> FastAPI:
        """Return the application that serves the documents."""
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def metadata() -> dict[str, Any]:
            return {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}

        @app.get("/jwks")
        def jwks() -> dict[str, Any]:
            algorithm = jwt.algorithms.ECAlgorithm
            documents = {i: algorithm.to_jwk(key.public_key(), as_dict=True) for i, key in self.keys.items()}
            return {"keys": [{**document, "kid": i, "alg": "ES256"} for i, document in documents.items()]}

        return app


@contextlib.contextmanager
def authorization_server() -> Iterator[AuthorizationServer]:
    """Run an authorization server."""
    server = AuthorizationServer()
    with serving(server.app()) as server.url:
        yield server
