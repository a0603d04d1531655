"""Settings of the provision service, read from SMQ_PROVISION_* variables."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from shared.settings import Port, ServiceSettings


class ProvisionSettings(ServiceSettings, frozen=True, kw_only=True):
    """What the operator can set; the configuration file's values win over these."""

    http_port: Annotated[Port, Meta(description="Port to listen on.")] = 9016
    http_server_cert: Annotated[
        str,
        Meta(
            description="Certificate file; with the key it turns on TLS.",
            extra={"variables": ["PROVISION_SERVER_CERT"]},
        ),
    ] = ""
    http_server_key: Annotated[
        str,
        Meta(
            description="Key file of the certificate.",
            extra={"variables": ["PROVISION_SERVER_KEY"]},
        ),
    ] = ""
    config_file: Annotated[
        str, Meta(description="TOML file with the layout; built-in layout if it is missing.")
    ] = "config.toml"
    layout_dir: Annotated[
        str,
        Meta(description="Folder of further layouts, each `<name>.toml`; SIGHUP reads it again."),
    ] = ""
    users_url: Annotated[
        str,
        Meta(
            description="Where users answers.",
            extra={"variables": ["PROVISION_USERS_LOCATION", "USERS_URL"]},
        ),
    ] = "http://localhost:9002"
    things_url: Annotated[
        str,
        Meta(
            description="Where things answers.",
            extra={"variables": ["PROVISION_THINGS_LOCATION", "THINGS_URL"]},
        ),
    ] = "http://localhost:9000"
    bootstrap_url: Annotated[
        str,
        Meta(
            description="Where bootstrap answers, with or without `/things`.",
            extra={"variables": ["PROVISION_BS_SVC_URL", "BOOTSTRAP_URL"]},
        ),
    ] = "http://localhost:9013"
    certs_url: Annotated[
        str,
        Meta(
            description="Where certs answers.",
            extra={"variables": ["PROVISION_CERTS_SVC_URL", "CERTS_URL"]},
        ),
    ] = "http://localhost:9019"
    user: Annotated[
        str, Meta(description="Login used when a request brings no token and no API key is set.")
    ] = ""
    password: Annotated[
        str,
        Meta(
            description="Password of that login.",
            extra={"variables": ["PROVISION_PASS"], "secret": True},
        ),
    ] = ""
    api_key: Annotated[
        str,
        Meta(description="Token used when a request brings none.", extra={"secret": True}),
    ] = ""
    bs_config_provisioning: Annotated[
        bool, Meta(description="Make a bootstrap config for the thing with `external_id`.")
    ] = True
    bs_auto_whitelist: Annotated[
        bool, Meta(description="Connect the things and activate the config at once.")
    ] = True
    bs_content: Annotated[
        str, Meta(description="Content of the config as JSON text, if the file has none.")
    ] = ""
    x509_provisioning: Annotated[bool, Meta(description="Make a certificate for each thing.")] = (
        False
    )
    certs_ttl: Annotated[
        timedelta,
        Meta(
            description="How long certificates are good, if the layout does not say.",
            extra={"variables": ["PROVISION_CERTS_HOURS_VALID"]},
        ),
    ] = timedelta(hours=2400)
    keys_kept: Annotated[
        timedelta,
        Meta(
            description="How long the private keys of certificates are kept for repetitions, unless"
            " the gateway fetches its config before."
        ),
    ] = timedelta(days=7)
    history_kept: Annotated[
        timedelta,
        Meta(description="How long mappings that were taken back or deleted are still listed."),
    ] = timedelta(days=90)
    mapping_deadline: Annotated[
        timedelta,
        Meta(description="Until then a mapping is driven forward, afterwards it is taken back."),
    ] = timedelta(seconds=60)
    call_timeout: Annotated[
        timedelta, Meta(description="How long another service may take for one call.")
    ] = timedelta(seconds=5)
    answer_patience: Annotated[
        timedelta, Meta(description="How long a caller waits before he is told to ask again.")
    ] = timedelta(seconds=30)
    lease: Annotated[
        timedelta,
        Meta(description="How long a mapping is left to a process that is not heard of."),
    ] = timedelta(seconds=15)
    stuck_after: Annotated[
        timedelta,
        Meta(description="How long a mapping may resist being taken back before it is stuck."),
    ] = timedelta(minutes=2)
    metadata_external_key: Annotated[
        bool,
        Meta(description="Write the external key into the thing's metadata, in clear."),
    ] = False
