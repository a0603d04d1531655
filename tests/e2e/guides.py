"""Reads the pages that can be run: Markdown whose commands and answers are checked.

The conventions of such a page, all of which a reader sees:

* A `bash` block is typed into one shell, which lives from the top of the page to its end.
* An `http` block right after it is the whole answer of its command: the status line, the headers
  that matter and the body. A `json` block is an answer printed without headers (curl without
  `-i`). Exactly the members shown must be there; with the mark `partial` there may be more.
  An `output` block is what a command prints for people, line by line; how many blanks stand
  between columns does not matter.
* A `python` block is a program, run in the same shell.
* Values that differ from one run to the next are recognised by their look, see `answers.py`.
* `bash later` is a command whose part does not exist yet, `bash not-ours` one of foreign software,
  `bash elsewhere` one for another terminal. They are not run. As Markdown shows no marks, the
  paragraph before says so in so many words.
* `toml` and `text` blocks are only shown.

Anything else is an error, so that a slip of the pen cannot take a command out of the test.
"""

import re
from dataclasses import dataclass

FENCE = re.compile(r"^```(?P<information>[^`]*)$")
STATUS_LINE = re.compile(r"HTTP/\d(?:\.\d)? (?P<status>\d{3})(?: .*)?")

SHOWN = frozenset({"toml", "text"})
ANSWERS = frozenset({"http", "json", "output"})
RUN = frozenset({"bash", "python"})
# What the paragraph before a block that is not run has to begin with.
NOTES = {
    "later": "> **Later.**",
    "not-ours": "> **Not ours.**",
    "elsewhere": "> **Elsewhere.**",
}


class GuideError(Exception):
    """A page breaks its own conventions."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block as it stands on the page."""

    line: int
    language: str
    mark: str
    text: str
    paragraph: str
    """The paragraph right before the block; empty if another block is."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer as the page shows it. Without a status line, only the body is known."""

    line: int
    status_line: str | None
    headers: tuple[tuple[str, str], ...]
    body: str
    partial: bool
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Commands typed in one go, and the answer shown after them."""

    line: int
    commands: str
    expected: Expected | None


@dataclass(frozen=True, slots=True)
class Guide:
    """One page, read."""

    name: str
    blocks: tuple[Block, ...]
    steps: tuple[Step, ...]

    def commands(self) -> tuple[str, ...]:
        """The text of every `bash` block, run or not, in order."""
        return tuple(block.text for block in self.blocks if block.language == "bash")


def parse_guide(name: str, text: str) -> Guide:
    """Read a page.

    Raises:
        GuideError: It breaks the conventions; the text says in which line and how.
    """
    blocks = _read_blocks(name, text)
    steps: list[Step] = []
    before: Block | None = None
    for block in blocks:
        _check_block(name, block)
        if block.language in RUN and not block.mark:
            steps.append(Step(line=block.line, commands=_commands(block), expected=None))
        elif block.language in ANSWERS:
            if before is None or before.language not in RUN or before.mark:
                raise GuideError(f"{name}:{block.line}: an answer needs a command before it")
            command = steps.pop()
            steps.append(Step(command.line, command.commands, _read_answer(name, block)))
        before = block
    return Guide(name=name, blocks=blocks, steps=tuple(steps))


def _commands(block: Block) -> str:
    if block.language == "bash":
        return block.text
    return f".venv/bin/python - <<'END_OF_PROGRAM'\n{block.text}END_OF_PROGRAM\n"


def _read_blocks(name: str, text: str) -> tuple[Block, ...]:
    blocks: list[Block] = []
    paragraph: list[str] = []
    opened: tuple[int, str] | None = None
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if opened is None:
            if fence is None and "```" in line:
                raise GuideError(f"{name}:{number}: a fence stands alone at the start of its line")
            if fence is not None:
                opened, lines = (number, fence["information"]), []
            elif line.strip():
                paragraph.append(line)
            elif paragraph and paragraph[-1]:
                paragraph.append("")
        elif fence is None:
            lines.append(line)
        elif fence["information"]:
            raise GuideError(f"{name}:{number}: the block of line {opened[0]} is still open")
        else:
            language, _, mark = opened[1].strip().partition(" ")
            blocks.append(
                Block(
                    line=opened[0],
                    language=language,
                    mark=mark,
                    text="".join(f"{each}\n" for each in lines),
                    paragraph="\n".join(paragraph).strip().rpartition("\n\n")[2],
                )
            )
            opened, paragraph = None, []
    if opened is not None:
        raise GuideError(f"{name}:{opened[0]}: the block is never closed")
    return tuple(blocks)


def _check_block(name: str, block: Block) -> None:
    allowed = {"bash": {"", *NOTES}, "http": {"", "partial"}, "json": {"", "partial"}}
    allowed |= {language: {""} for language in (*SHOWN, "python", "output")}
    if block.mark not in allowed.get(block.language, set()):
        raise GuideError(f"{name}:{block.line}: unknown block `{block.language} {block.mark}`")
    note = NOTES.get(block.mark)
    if note is not None and not block.paragraph.startswith(note):
        raise GuideError(f"{name}:{block.line}: the paragraph before must begin with `{note}`")


def _read_answer(name: str, block: Block) -> Expected:
    partial = block.mark == "partial"
    if block.language == "output":
        return Expected(block.line, None, (), block.text, partial, is_text=True)
    if block.language == "json":
        return Expected(block.line, None, (), block.text, partial)
    head, _, body = block.text.partition("\n\n")
    status_line, *lines = head.rstrip("\n").split("\n")
    if not STATUS_LINE.fullmatch(status_line):
        raise GuideError(f"{name}:{block.line}: an http block begins with its status line")
    headers: list[tuple[str, str]] = []
    for line in lines:
        header, colon, value = line.partition(":")
        if not colon:
            raise GuideError(f"{name}:{block.line}: `{line}` is no header")
        headers.append((header, value.strip()))
    return Expected(block.line, status_line, tuple(headers), body, partial)
