"""Reading the operator's environment, in all spellings of a variable."""

from collections.abc import Mapping

from deploy.embedded.errors import InvalidSetting

_PREFIX = "SMQ_"
_SPELLINGS = ("SMQ_", "MG_", "MF_")  # of this release and of earlier ones, first wins


class Settings:
    """The variables the operator has set."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def find(self, name: str) -> str | None:
        """The value of an `SMQ_` variable, perhaps in an earlier spelling; None if not set."""
        for prefix in _SPELLINGS:
            if value := self.environment.get(prefix + name.removeprefix(_PREFIX)):
                return value
        return None

    def port(self, name: str, default: int) -> int:
        """The port a variable names.

        Raises:
            InvalidSetting: It is not one.
        """
        text = self.find(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise InvalidSetting(f"{name}={text} is not a port (1 to 65535)")
        return int(text)

    def with_defaults(self, defaults: Mapping[str, str]) -> dict[str, str]:
        """The environment with defaults for what the operator has not set in any spelling."""
        missing = {name: text for name, text in defaults.items() if self.find(name) is None}
        return {**self.environment, **missing}
