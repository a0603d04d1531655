"""The broker's accounts: who may be in which, and who decides about devices.

Services are in CORE, devices in IOT, each with streams of its own; SYS sees all connections. What
devices say reaches CORE too, marked by the broker with who said it. Devices are let in by whoever
signs with the issuer's key; the users that are named here by their passwords, and by the
broker's own protocol alone: not over MQTT, not over WebSocket.
"""

from collections.abc import Mapping

import bcrypt

CORE, DEVICES, SYSTEM = "CORE", "IOT", "SYS"
_MESSAGES = ("channels.*.messages", "channels.*.messages.>")
# A body of 1 MiB and its headers.
_MAX_PAYLOAD_BYTES = (1 << 20) + 4096
# The broker refuses a device if nobody has answered for it by then.
_LOGIN_SECONDS = 3


def broker_settings(passwords: Mapping[str, str], issuer: str) -> dict[str, str]:
    """The part of nats-server's configuration that is about accounts.

    Args:
        passwords: Account -> password of its one user, who is named by `user_of`.
        issuer: Public key of who lets devices in.
    """
    users = {account: _user(account, password) for account, password in passwords.items()}
    exports = ", ".join(f'{{ service: "{subject}" }}' for subject in _MESSAGES)
    imports = ", ".join(
        f'{{ service: {{ account: {CORE}, subject: "{subject}" }}, share: true }}'
        for subject in _MESSAGES
    )
    names = ", ".join(map(user_of, passwords))
    return {
        "accounts": f"""{{
  {SYSTEM}: {{ users: [{users[SYSTEM]}] }}
  {CORE}: {{
    jetstream: {{ max_memory: 64MB, max_file: 5GB }}
    users: [{users[CORE]}]
    exports: [{exports}]
  }}
  {DEVICES}: {{
    jetstream: {{ max_memory: 128MB, max_file: 4GB }}
    users: [{users[DEVICES]}]
    imports: [{imports}]
  }}
}}""",
        "system_account": SYSTEM,
        "authorization": f"""{{
  timeout: {_LOGIN_SECONDS}
  auth_callout: {{ issuer: {issuer}, account: {SYSTEM}, auth_users: [{names}] }}
}}""",
        "max_payload": str(_MAX_PAYLOAD_BYTES),
    }


def user_of(account: str) -> str:
    """The name of an account's one user."""
    return {CORE: "supermq", DEVICES: "devices", SYSTEM: "system"}[account]


def _user(account: str, password: str) -> str:
    # The lowest cost: the password is random, and each connection pays for checking it.
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    kinds = 'allowed_connection_types: ["STANDARD"]'
    return f'{{ user: {user_of(account)}, password: "{hashed}", {kinds} }}'
