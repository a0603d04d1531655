"""Keys and passwords of a composition, made once: `python -m deploy.containers.secrets`.

`.env` gets what compose files fill in, `deploy/secrets/` what is mounted as files. What is there
already stays, so running this again after an upgrade adds what is new and changes nothing else.
"""

import contextlib
import hashlib
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.containers.health import PORTS
from deploy.embedded.broker import CORE, DEVICES, SYSTEM, broker_settings
from deploy.embedded.certificates import make_certificates
from deploy.embedded.errors import EmbeddedError
from deploy.embedded.secrets import write_private_file
from shared.messaging.nkeys import AccountKey, new_seed
from shared.pki import make_authority
from shared.state import random_secret

ROOT = Path(__file__).resolve().parents[2]
ADDONS = ("bootstrap", "certs", "provision")
_WITH_DATABASE = ("users", "things", "bootstrap", "provision", "certs")
_BROKER_PASSWORDS = {
    CORE: "SMQ_NATS_PASSWORD",
    DEVICES: "SMQ_NATS_DEVICES_PASSWORD",
    SYSTEM: "SMQ_NATS_SYSTEM_PASSWORD",
}
_HEAD = """\
# Made by `make secrets`; keep it as safe as the data, and apart from it: without SMQ_ENCRYPTION_KEY
# nobody can read them. Settings of your own may stand here too, see docs/compose.md.
"""
_LINE = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")


def make_secrets(root: Path) -> list[str]:
    """Make what is missing in a copy of the repository, and say what that was.

    Raises:
        BrokenFolder: There is something else where certificates should be.
        ValueError: A line of `.env` has a value that makes no sense.
    """
    given = _read(root / ".env")
    missing = {name: make() for name, make in _variables().items() if not given.get(name)}
    values = {**given, **missing}
    hashes = _hashes(values)
    if given.get("SMQ_USERS_SERVICE_SECRET_HASHES") != hashes:
        missing["SMQ_USERS_SERVICE_SECRET_HASHES"] = hashes
    made = sorted(missing)
    if missing:
        _add(root / ".env", missing)
    folder = root / "deploy" / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    made += _make_files(folder, values)
    for addon in ADDONS:
        # Compose looks for .env beside the file it is given.
        link = root / "deploy" / "addons" / addon / ".env"
        with contextlib.suppress(FileExistsError):
            link.symlink_to("../../../.env")
    names = given.get("SMQ_TLS_NAMES", "").split(",")
    make_certificates(root / "nginx" / "ssl", [name.strip() for name in names if name.strip()])
    return made


def main() -> int:
    """Run the command and return its exit code."""
    try:
        made = make_secrets(ROOT)
    except (EmbeddedError, ValueError, OSError) as error:
        print(f"secrets: {error}", file=sys.stderr)
        return 1
    print(f"made {len(made)} secrets" if made else "no secret was missing")
    print("clients trust nginx/ssl/ca.crt; the admin's password is in .env")
    return 0


def _variables() -> Mapping[str, Callable[[], str]]:
    """Every variable that compose files need, and how it is made."""
    made: dict[str, Callable[[], str]] = {
        "SMQ_ENCRYPTION_KEY": random_secret,
        "SMQ_POSTGRES_PASSWORD": _password,
        "SMQ_REDIS_PASSWORD": _password,
        **dict.fromkeys(_BROKER_PASSWORDS.values(), _password),
        "SMQ_MQTT_AUTH_ISSUER_SEED": new_seed,
        "SMQ_USERS_ADMIN_EMAIL": lambda: "admin@localhost.localdomain",
        "SMQ_USERS_ADMIN_PASSWORD": _password,
        "SMQ_BOOTSTRAP_ENCRYPT_KEY": lambda: secrets.token_hex(16),
    }
    for service in _WITH_DATABASE:
        made[f"SMQ_{service.upper()}_DB_PASSWORD"] = _password
        made[f"SMQ_{service.upper()}_DB_OWNER_PASSWORD"] = _password
    for service in PORTS:
        if service != "users":
            made[f"SMQ_{service.upper()}_SERVICE_SECRET"] = random_secret
    return made


def _password() -> str:
    """Safe in URLs, in configuration files and in .env itself."""
    return secrets.token_urlsafe(24)


def _hashes(values: Mapping[str, str]) -> str:
    """What users knows of the services' secrets."""
    return ",".join(
        f"{service}="
        + hashlib.sha256(values[f"SMQ_{service.upper()}_SERVICE_SECRET"].encode()).hexdigest()
        for service in PORTS
        if service != "users"
    )


def _make_files(folder: Path, values: Mapping[str, str]) -> list[str]:
    """What is mounted. Only the folder keeps strangers out: a container's user is one of them."""
    made = []
    if not (folder / "signing-key.pem").exists():
        key = Ed25519PrivateKey.generate()
        _write(
            folder / "signing-key.pem",
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        )
        made.append("signing-key.pem")
    if not (folder / "certs-authority.key").exists():
        authority = make_authority(datetime.now(UTC))
        _write(folder / "certs-authority.crt", authority.chain)
        _write(folder / "certs-authority.key", authority.signing_key)
        made.append("certs-authority")
    passwords = {account: values[name] for account, name in _BROKER_PASSWORDS.items()}
    issuer = AccountKey(values["SMQ_MQTT_AUTH_ISSUER_SEED"]).public
    settings = broker_settings(passwords, issuer)
    text = "".join(f"{name}: {value}\n" for name, value in settings.items())
    _write(folder / "accounts.conf", text)
    return made


def _write(file: Path, text: str) -> None:
    write_private_file(file, text)
    file.chmod(0o444)


def _read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    found = filter(None, map(_LINE.fullmatch, file.read_text().splitlines()))
    return {match["name"]: match["value"] for match in found}


def _add(file: Path, values: Mapping[str, str]) -> None:
    """Replace the lines of these variables, or add them behind the others."""
    left = dict(values)
    lines = file.read_text().splitlines() if file.exists() else _HEAD.splitlines()
    for number, line in enumerate(lines):
        match = _LINE.fullmatch(line)
        if match is not None and match["name"] in left:
            lines[number] = f"{match['name']}={left.pop(match['name'])}"
    lines += [f"{name}={value}" for name, value in left.items()]
    write_private_file(Path(os.path.realpath(file)), "\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
