"""Shell commands in a form in which a document's and a guide's can be compared.

Left aside, because they differ from one installation to the next: hosts and ports, how a server's
certificate is checked, ids, tokens and shell variables, e-mail addresses, gateways' ids and keys
in bodies, and the folders of files. Everything else has to be as printed, in the printed order.
"""

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any

START = re.compile(r"(?:curl|supermq-cli|docker-compose|git clone|cd) |make$|build/|[A-Z][A-Z_]*=")
FILES = re.compile(r"(?:[\w.-]+/)+([\w.-]+\.(?:toml|yml|crt|key))")
HOSTS = re.compile(r"https?://[^/\s\"']+")
IDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOKENS = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
PLACEHOLDERS = re.compile(r"<[\w|]+>|\$\{?\w+\}?")
SUBSTITUTIONS = re.compile(r"\$\([^()]*\)")
ADDRESSES = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
VARYING_MEMBERS = frozenset({"external_id", "external_key", "email", "identity"})

Command = tuple[str, ...]


def commands_of_text(lines: Iterable[str]) -> list[str]:
    """The commands in a plain text, lines joined where a backslash says so."""
    commands: list[str] = []
    continued = ""
    for line in lines:
        if not continued and not START.match(line):
            continue
        if line.endswith("\\"):
            continued += line[:-1]
            continue
        commands.append(continued + line)
        continued = ""
    return commands


def normalise(command: str) -> Command:
    """The words of a command without what may differ."""
    words = shlex.split(SUBSTITUTIONS.sub("$VALUE", command), comments=True)
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--cacert":
            next(rest, None)
        elif word != "--insecure":
            kept.append(_normalise_word(word))
    return tuple(kept)


def is_cut_by_shell(command: str) -> bool:
    """Whether the command holds an `&` outside quotes, at which a shell ends it."""
    # Without another mode shlex takes `?`, `/` and the like for the end of a word.
    words = shlex.shlex(command, posix=True, punctuation_chars="&")
    words.whitespace_split = True
    return "&" in words


def missing_in_order(wanted: Iterable[Command], shown: Iterable[Command]) -> list[Command]:
    """Which commands are not shown, or not after the ones wanted before them."""
    missing: list[Command] = []
    left = list(shown)
    for command in wanted:
        if command in left:
            del left[: left.index(command) + 1]
        else:
            missing.append(command)
    return missing


def _normalise_word(word: str) -> str:
    if word.startswith(("{", "[")):
        try:
            return json.dumps(_normalise_body(json.loads(word)))
        except ValueError:
            pass  # a body for the reader to complete; compared as text
    word = HOSTS.sub("HOST", word)
    if word.startswith("HOST"):
        word = word.replace('"', "")
    for pattern in (IDS, TOKENS, PLACEHOLDERS):
        word = pattern.sub("VALUE", word)
    return ADDRESSES.sub("ADDRESS", FILES.sub(r"\1", word))


def _normalise_body(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "VALUE" if name in VARYING_MEMBERS else _normalise_body(member)
            for name, member in sorted(value.items())
        }
    if isinstance(value, list):
        return [_normalise_body(item) for item in value]
    return _normalise_word(value) if isinstance(value, str) else value
