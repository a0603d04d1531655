"""The authority that signs things' certificates, made at the first start."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from deploy.embedded.secrets import write_private_file
from deploy.embedded.settings import Settings

_CHAIN = "SMQ_CERTS_SIGN_CA_PATH"
_KEY = "SMQ_CERTS_SIGN_CA_KEY_PATH"


def signing_authority(folder: Path, settings: Settings) -> Mapping[str, str]:
    """What certs is told of its authority; nothing if the operator names one.

    The root's key stays behind in `certs-root.key`: nothing on this machine needs it until the
    signing authority is replaced, so it may be taken elsewhere.

    Args:
        folder: Of secrets.
    """
    if settings.find(_CHAIN) or settings.find(_KEY):
        return {}
    chain, key = folder / "certs-ca.crt", folder / "certs-ca.key"
    if not (chain.exists() and key.exists()):
        _make(folder / "certs-root.key", key, chain)
    return {_CHAIN: str(chain), _KEY: str(key)}


def _make(root_key: Path, key: Path, chain: Path) -> None:
    from shared.pki import make_authority  # every other start does without cryptography

    made = make_authority(datetime.now(UTC))
    # The chain last: what was interrupted is made again.
    chain.unlink(missing_ok=True)
    write_private_file(root_key, made.root_key)
    write_private_file(key, made.signing_key)
    write_private_file(chain, made.chain)
