"""What mqtt_auth reads from its environment."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from shared.messaging.nkeys import AccountKey, MalformedSeed
from shared.settings import Port, PositiveFloat, PositiveInt, ServiceSettings, SettingsError


class MqttAuthSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of mqtt_auth, read from SMQ_MQTT_AUTH_* variables."""

    http_port: Annotated[Port, Meta(description="Port to listen on.")] = 8009
    system_nats_url: Annotated[
        str,
        Meta(
            description="NATS server with a user of its system account, to which the broker's "
            "auth callout goes.",
            extra={"secret": True},
        ),
    ] = "nats://localhost:4222"
    issuer_seed: Annotated[
        str,
        Meta(
            description="Seed of the account key (`SA...`) whose public half stands as `issuer` in "
            "the broker's `auth_callout`.",
            extra={"secret": True},
        ),
    ] = ""
    devices_account: Annotated[
        str, Meta(description="Name of the broker's account that devices are in.")
    ] = "IOT"
    any_client_id: Annotated[
        bool,
        Meta(
            description="Take MQTT client ids that do not contain the thing's id. Whoever uses "
            "another's id ends his session."
        ),
    ] = False
    concurrent_logins: Annotated[
        PositiveInt, Meta(description="Logins that things is asked about at the same time.")
    ] = 64
    things_url: Annotated[
        str, Meta(description="Where things answers.", extra={"variables": ["THINGS_URL"]})
    ] = "http://localhost:9000"
    things_timeout_seconds: Annotated[
        PositiveFloat, Meta(description="How long things may take to answer.")
    ] = 2.0


def account_key(settings: MqttAuthSettings) -> AccountKey:
    """The key that logins are signed with.

    Raises:
        SettingsError: There is none, or it is not the seed of an account.
    """
    if not settings.issuer_seed:
        raise SettingsError(["SMQ_MQTT_AUTH_ISSUER_SEED is not set"])
    try:
        return AccountKey(settings.issuer_seed)
    except MalformedSeed:
        raise SettingsError(["SMQ_MQTT_AUTH_ISSUER_SEED is not the seed of an account"]) from None
