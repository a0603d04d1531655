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

from shared.contracts.users import ACCESS_TOKEN, KEY_PREFIX, USER_ID
from shared.http.auth import ISSUER

KEY_ID = "stand-in"
_EXCHANGED_SECONDS = 120
_GRANTS = {
    ("provision", "mapping"): (ACCESS_TOKEN,),
    ("provision", "withdraw"): (ACCESS_TOKEN, USER_ID),
    ("bootstrap", "thing-secret"): (USER_ID,),
    ("bootstrap", "channel"): (USER_ID,),
}


class UsersStandIn:
    """Users, as far as other services need it to know who is calling."""

    def __init__(self, service_secrets: dict[str, str]) -> None:
        self._key = Ed25519PrivateKey.generate()
        self._secrets = service_secrets
        self.exchanges: list[str] = []
        self.refuse_exchanges = False
        self._admins: set[UUID] = set()
        self._known: set[UUID] = set()
        self._disabled: set[UUID] = set()
        self._epochs: dict[UUID, int] = {}
        self._keys: dict[str, tuple[UUID, UUID, tuple[str, ...]]] = {}
        self._revoked_keys: list[UUID] = []
        self._allowed: set[tuple[UUID, UUID, str]] = set()

    def know(self, user_id: UUID, *, admin: bool = False) -> None:
        """Have an account of that id; those with a token have one too."""
        self._known.add(user_id)
        if admin:
            self._admins.add(user_id)

    def key(self, user_id: UUID, *scopes: str) -> str:
        """An API key of a user."""
        self.know(user_id)
        key_id = uuid4()
        key = f"{KEY_PREFIX}{key_id.hex}_{uuid4().hex}"
        self._keys[key] = (key_id, user_id, scopes)
        return key

    def revoke_key(self, key: str) -> None:
        """Revoke an API key."""
        key_id, _, _ = self._keys.pop(key)
        self._revoked_keys.append(key_id)

    def disable(self, user_id: UUID) -> None:
        """Disable an account; its tokens die."""
        self._disabled.add(user_id)
        self._epochs[user_id] = time.time_ns() // 1000

    def allow(self, subject: UUID, target: UUID, *actions: str) -> None:
        """Let one user do things with another, or with a group."""
        self._allowed.update((subject, target, action) for action in actions)

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
        self.know(user_id, admin=admin)
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": ISSUER,
            "sub": str(user_id),
            "identity": f"{user_id}@example.com",
            "role": "admin" if admin else "user",
            "type": kind,
            "jti": str(uuid4()),
            "epoch": self._epochs.get(user_id, 0),
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
        app.router.add_post("/internal/authorize", self._authorize)
        app.router.add_post("/internal/keys/introspect", self._introspect)
        app.router.add_get("/internal/revocations", self._revocations)
        app.router.add_get("/internal/users/{id}", self._show_user)
        return app

    async def _key_set(self, _: web.Request) -> web.Response:
        key = json.loads(OKPAlgorithm.to_jwk(self._key.public_key()))
        return web.json_response({"keys": [{**key, "kid": KEY_ID, "use": "sig", "alg": "EdDSA"}]})

    async def _exchange(self, request: web.Request) -> web.Response:
        service = self._service(request)
        if self.refuse_exchanges:
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

    async def _authorize(self, request: web.Request) -> web.Response:
        self._service(request)
        body = await request.json()
        subject, target = UUID(body["subject"]), UUID(body["object"])
        is_right = subject in self._known - self._disabled and (
            subject == target
            or subject in self._admins
            or (subject, target, body["action"]) in self._allowed
        )
        return web.json_response({"authorized": is_right})

    async def _revocations(self, request: web.Request) -> web.Response:
        self._service(request)
        expires_at = int(time.time()) + 3600
        revocations = [
            {"kind": "user", "id": str(user_id), "epoch": epoch, "expires_at": expires_at}
            for user_id, epoch in self._epochs.items()
        ]
        revocations += [
            {"kind": "key", "id": str(key_id), "epoch": 0, "expires_at": expires_at}
            for key_id in self._revoked_keys
        ]
        return web.json_response({"next": 0, "revocations": revocations})

    async def _introspect(self, request: web.Request) -> web.Response:
        self._service(request)
        known = self._keys.get((await request.json())["key"])
        if known is None or known[1] in self._disabled:
            return web.json_response({"active": False})
        key_id, user_id, scopes = known
        return web.json_response(
            {
                "active": True,
                "key_id": str(key_id),
                "user_id": str(user_id),
                "identity": f"{user_id}@example.com",
                "role": "admin" if user_id in self._admins else "user",
                "scopes": scopes,
                "epoch": self._epochs.get(user_id, 0),
            }
        )

    async def _show_user(self, request: web.Request) -> web.Response:
        self._service(request)
        user_id = UUID(request.match_info["id"])
        if user_id not in self._known:
            raise web.HTTPNotFound
        return web.json_response(
            {
                "id": str(user_id),
                "status": "disabled" if user_id in self._disabled else "enabled",
                "role": "admin" if user_id in self._admins else "user",
            }
        )

    def _service(self, request: web.Request) -> str:
        """The service that proves itself."""
        login = b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        service, _, secret = login.partition(":")
        if self._secrets.get(service) != secret:
            raise web.HTTPUnauthorized
        return service

    def _user_of(self, token: str) -> UUID:
        if token.startswith(KEY_PREFIX):
            if token not in self._keys:
                raise web.HTTPUnauthorized
            _, user_id, scopes = self._keys[token]
            if user_id in self._disabled:
                raise web.HTTPUnauthorized
            if not {"provision:write", "provision:*"} & set(scopes):
                raise web.HTTPForbidden
            return user_id
        try:
            claims = jwt.decode(token, self._key.public_key(), algorithms=["EdDSA"], issuer=ISSUER)
        except jwt.PyJWTError:
            raise web.HTTPUnauthorized from None
        if claims["type"] != "access":
            raise web.HTTPUnauthorized
        return UUID(claims["sub"])
