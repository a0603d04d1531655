"""Whatever is sent to `POST /users`, it is never the service's fault."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.users.conftest import SECRET, Api

_TEXT = st.text(max_size=80)
_SECRET = st.text(st.characters(codec="ascii", exclude_characters="\0\n"), min_size=8, max_size=72)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
_LOCAL = st.text(alphabet=st.characters(exclude_characters="@"), min_size=1, max_size=70)
_IDENTITY = st.builds("{}@{}.{}".format, _LOCAL, _LOCAL, _LOCAL) | st.emails() | _TEXT
_BODY = st.fixed_dictionaries(
    {},
    optional={
        "credentials": st.fixed_dictionaries(
            {}, optional={"identity": _IDENTITY | _JSON, "secret": _SECRET | _JSON}
        ),
        "email": _IDENTITY | _JSON,
        "password": _SECRET | _JSON,
        "name": _TEXT | _JSON,
        "tags": st.lists(_TEXT) | _JSON,
        "metadata": st.dictionaries(_TEXT, _JSON) | _JSON,
        "status": st.sampled_from(["", "enabled", "disabled", "all"]) | _JSON,
        "role": st.sampled_from(["", "user", "admin"]) | _JSON,
        "owner": _TEXT | _JSON,
    },
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=_BODY | _JSON)
async def test_no_body_is_a_fault(users_api: Api, body: Any) -> None:
    response = await users_api.post(
        "/users", data=json.dumps(body), headers={"Content-Type": "application/json"}
    )

    answer = await response.json()
    assert response.status in {201, 400, 403, 409}
    assert "secret" not in answer.get("credentials", {})
    if response.status == 201:
        login = {"secret": SECRET} | body.get("credentials", {})
        known = {name: body[name] for name in ("email", "password") if name in body}
        again = await users_api.post("/users/tokens/issue", json=login | known)
        assert again.status == (201 if answer["status"] == "enabled" else 401)
