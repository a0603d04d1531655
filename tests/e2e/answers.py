"""Compares an answer with the sample a page shows.

Everything is taken literally, but for what differs from one run to the next:

* An id (UUID), a time (RFC 3339, UTC) and a token (JWT) in a sample stand for any value of that
  form, wherever they occur: as a value, as a member's name, inside a longer text or a header.
* **The same sample value means the same real value, on the whole page.** So a list that shows the
  id from an earlier answer must hold that very object. Different sample ids and tokens mean
  different real ones, and different sample times in one object mean different times.
* `…` inside a text or a token stands for what was left out there, at least one character.

A token may be shortened and still counts as one sample value, `eyJhbGci…dQ`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.guides import STATUS_LINE, Expected

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# How a volatile value looks in a sample …
SAMPLES = re.compile(
    r"(?P<token>eyJ[\w\-.…]+)"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"
    rf"|(?P<id>{UUID})"
    r"|(?P<omission>…)"
)
# … and what must stand there in an answer. Year 1 and trailing zeros are never written.
FORMS = {
    "token": r"eyJ[\w-]+\.[\w-]+\.[\w-]+",
    "time": r"(?!0001)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{0,8}[1-9])?Z",
    "id": UUID,
    "omission": r"(?s:.+)",
}
DISTINCT = frozenset({"token", "id"})


class UnreadableAnswer(Exception):
    """What a command printed is not an answer at all."""


@dataclass(slots=True)
class Meanings:
    """What the volatile sample values of a page have turned out to stand for."""

    _real: dict[tuple[str, str], str] = field(default_factory=dict)

    def real(self, kind: str, sample: str) -> str | None:
        """What a sample value stands for, if that is known yet."""
        return self._real.get((kind, sample))

    def agree(self, kind: str, sample: str, real: str) -> str | None:
        """Take a sample value to stand for a real one, or say why it cannot."""
        known = self._real.setdefault((kind, sample), real)
        if known != real:
            return f"{kind} {sample} stood for {known} before, now for {real}"
        if kind in DISTINCT:
            for (other_kind, other), value in self._real.items():
                if other_kind == kind and value == real and other != sample:
                    return f"{kind}s {other} and {sample} are different, both stand for {real}"
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a command printed it."""

    status_line: str | None
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str | None:
        """The value of a header, several joined by commas."""
        values = [value for other, value in self.headers if other.lower() == name.lower()]
        return ", ".join(values) if values else None


def read_answer(printed: str, *, with_headers: bool) -> Answer:
    """Read what curl printed, with `-i` or without.

    Raises:
        UnreadableAnswer: It does not begin with a status line and headers.
    """
    if not with_headers:
        return Answer(None, (), printed)
    head, blank, body = printed.partition("\r\n\r\n")
    status_line, *lines = head.split("\r\n")
    if not blank or not STATUS_LINE.fullmatch(status_line.rstrip()):
        raise UnreadableAnswer(f"no answer: {printed[:200]!r}")
    headers = tuple(
        (name, value.strip()) for name, _, value in (line.partition(":") for line in lines)
    )
    return Answer(status_line.rstrip(), headers, body)


def compare(expected: Expected, printed: str, meanings: Meanings) -> list[str]:
    """Every respect in which an answer differs from its sample; empty if it is as shown."""
    if expected.is_text:
        return list(_compare_lines(expected.body, printed, meanings))
    try:
        answer = read_answer(printed, with_headers=expected.status_line is not None)
    except UnreadableAnswer as error:
        return [str(error)]
    return list(_differences(expected, answer, meanings))


def _compare_lines(sample: str, printed: str, meanings: Meanings) -> Iterator[str]:
    shown, real = (
        [" ".join(line.split()) for line in text.splitlines()] for text in (sample, printed)
    )
    if len(shown) != len(real):
        yield f"expected {len(shown)} lines, got {len(real)}: {printed}"
        return
    for number, (shown_line, line) in enumerate(zip(shown, real, strict=True), start=1):
        yield from _compare_text(f"line {number}", shown_line, line, meanings)


def _differences(expected: Expected, answer: Answer, meanings: Meanings) -> Iterator[str]:
    if expected.status_line != answer.status_line:
        yield f"status: expected {expected.status_line}, got {answer.status_line} {answer.body}"
        return  # the rest would only repeat that
    for name, sample in expected.headers:
        value = answer.header(name)
        if value is None:
            yield f"header {name} is missing"
        else:
            yield from _compare_text(f"header {name}", sample, value, meanings)
    if not expected.body.strip():
        if answer.body.strip():
            yield f"body: expected none, got {answer.body}"
        return
    sample_body = parse_json(expected.body)
    try:
        body = parse_json(answer.body)
    except ValueError as error:
        yield f"body: {error}: {answer.body!r}"
        return
    yield from _compare_value("$", sample_body, body, meanings, partial=expected.partial)


def parse_json(text: str) -> Any:
    """Read JSON, refusing an object that names a member twice.

    Raises:
        ValueError: It is not JSON, or names a member twice.
    """

    def unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) != len(members):
            raise ValueError("a member is named twice")
        return found

    return json.loads(text, object_pairs_hook=unique)


def _compare_value(
    path: str, sample: Any, value: Any, meanings: Meanings, *, partial: bool
) -> Iterator[str]:
    if type(sample) is not type(value):
        yield f"{path}: expected {json.dumps(sample)}, got {json.dumps(value)}"
    elif isinstance(sample, dict):
        yield from _compare_object(path, sample, value, meanings, partial=partial)
    elif isinstance(sample, list):
        if len(sample) != len(value):
            yield f"{path}: expected {len(sample)} items, got {len(value)}: {json.dumps(value)}"
            return
        for index, (sample_item, item) in enumerate(zip(sample, value, strict=True)):
            item_path = f"{path}[{index}]"
            yield from _compare_value(item_path, sample_item, item, meanings, partial=partial)
    elif isinstance(sample, str):
        yield from _compare_text(path, sample, value, meanings)
    elif sample != value:
        yield f"{path}: expected {json.dumps(sample)}, got {json.dumps(value)}"


def _compare_object(
    path: str,
    sample: dict[str, Any],
    value: dict[str, Any],
    meanings: Meanings,
    *,
    partial: bool,
) -> Iterator[str]:
    left = dict(value)
    for sample_name, sample_member in sample.items():
        member_path = f"{path}.{sample_name}"
        name = _find_name(sample_name, left, meanings)
        if name is None:
            yield f"{member_path} is missing"
            continue
        yield from _compare_text(f"the name {member_path}", sample_name, name, meanings)
        member = left.pop(name)
        yield from _compare_value(member_path, sample_member, member, meanings, partial=partial)
    if left and not partial:
        yield f"{path} has members that are not shown: {json.dumps(left)}"
    yield from _compare_times(path, sample, value)


def _find_name(sample: str, names: dict[str, Any], meanings: Meanings) -> str | None:
    """The member a sample name stands for: itself, the known one, or the first of its form."""
    match = SAMPLES.fullmatch(sample)
    if match is None or match.lastgroup is None:
        return sample if sample in names else None
    known = meanings.real(match.lastgroup, sample)
    if known is not None:
        return known if known in names else None
    form = re.compile(FORMS[match.lastgroup])
    return next((name for name in names if form.fullmatch(name)), None)


def _compare_times(path: str, sample: dict[str, Any], value: dict[str, Any]) -> Iterator[str]:
    """What the page shows as two different times of one object may not be one."""
    times = [
        (name, shown, value[name])
        for name, shown in sample.items()
        if isinstance(shown, str) and name in value and re.fullmatch(FORMS["time"], shown)
    ]
    for index, (name, shown, real) in enumerate(times):
        for other_name, other_shown, other_real in times[:index]:
            if shown != other_shown and real == other_real:
                yield f"{path}: {other_name} and {name} should differ, both are {real}"


def _compare_text(path: str, sample: str, value: str, meanings: Meanings) -> Iterator[str]:
    """Compare literally between the volatile parts, and those by their form and meaning."""
    pattern, last, parts = "", 0, []
    for match in SAMPLES.finditer(sample):
        kind = str(match.lastgroup)
        pattern += re.escape(sample[last : match.start()]) + f"({FORMS[kind]})"
        parts.append((kind, match.group()))
        last = match.end()
    pattern += re.escape(sample[last:])
    found = re.fullmatch(pattern, value)
    if found is None:
        yield f"{path}: expected {sample!r}, got {value!r}"
        return
    for (kind, shown), real in zip(parts, found.groups(), strict=True):
        if kind == "omission":
            continue
        refusal = meanings.agree(kind, shown, real)
        if refusal is not None:
            yield f"{path}: {refusal}"
