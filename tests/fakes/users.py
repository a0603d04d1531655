"""A stand-in for users' keys and token exchange, so that a service is tested without users.

It signs with a real key and is reached over HTTP; `tests/contract` runs the same tests on it and
on the users service.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode
from uuid import UUID, uuid4

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from shared.contracts.users import ACCESS_TOKEN, USER_ID
from shared.http.auth import ISSUER

KEY_ID = "stand-in"
_EXCHANGED_SECONDS = 120
_GRANTS = {
    ("provision", "mapping"): (ACCESS_TOKEN,),
    ("provision", "withdraw"): (ACCESS_TOKEN, USER_ID),
    ("bootstrap", "thing-secret"): (USER_ID,),
}


class UsersStandIn:
    """Users, as far as other services need it to know who is calling."""

    def __init__(self, service_secrets: dict[str, str]) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._secrets = service_secrets
        self.exchanges: list[str] = []
        self.refuse_exchanges = False
        self._admins: set[UUID] = set()

    def token(
        self,
        user_id: UUID,
        *,
        admin: bool = False,
        kind: str = "access",
        lifetime_seconds: int = 900,
        service: str = "",
        scope: str = "",
    ) -> str:
        """A token as users would sign it."""
        if admin:
            self._admins.add(user_id)
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": str(user_id),
            "identity": f"{user_id}@example.com",
            "role": "admin" if admin else "user",
            "type": kind,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + lifetime_seconds,
        }
        if service:
            claims |= {"act": {"sub": service}, "scope": scope}
        return jwt.encode(claims, self._key, algorithm="EdDSA", headers={"kid": KEY_ID})

    def application(self) -> web.Application:
        """The HTTP side."""
        app = web.Application()
        app.router.add_get("/.well-known/jwks.json", self._key_set)
        app.router.add_post("/internal/tokens/exchange", self._exchange)
        return app

    async def _key_set(self, _: web.Request) -> web.Response:
        key = json.loads(OKPAlgorithm.to_jwk(self._key.public_key()))
        return web.json_response({"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "EdDSA"}]})

    async def _exchange(self, request: web.Request) -> web.Response:
        login = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        service, _, secret = login.partition(":")
        if self.refuse_exchanges or self._secrets.get(service) != secret:
            raise web.HTTPUnauthorized
        form = await request.post()
        subject, scope = str(form["subject_token"]), str(form["scope"])
        subject_type = str(form["subject_token_type"])
        if subject_type not in _GRANTS.get((service, scope.partition(":")[0]), ()):
            raise web.HTTPForbidden
        user_id = UUID(subject) if subject_type == USER_ID else self._user_of(subject)
        self.exchanges.append(scope)
        token = self.token(
            user_id,
            admin=user_id in self._admins,
            kind="service",
            lifetime_seconds=_EXCHANGED_SECONDS,
            service=service,
            scope=scope,
        )
        return web.json_response(
            {
                "access_token": token,
                "issued_token_type": ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": _EXCHANGED_SECONDS,
                "scope": scope,
            }
        )

    def _user_of(self, token: str) -> UUID:
        try:
            claims = jwt.decode(token, self._key.public_key(), algorithms=["EdDSA"], issuer=ISSUER)
        except jwt.PyJWTError:
            raise web.HTTPUnauthorized from None
        if claims["type"] != "access":
            raise web.HTTPUnauthorized
        return UUID(claims["sub"])
