"""Pages are read by their conventions, and a page that breaks one is refused."""

import pytest

from tests.e2e.guides import Expected, GuideError, Step, parse_guide

PAGE = """\
# A page

Some words.

```bash
curl -i one
```
```http
HTTP/1.1 201 Created
Location: /things/1

{"id": "1"}
```

> **Later.** There is no such program yet.

```bash later
build/program
```

```toml
name = "shown"
```

```bash
curl two
```

```json partial
{}
```
"""


def test_commands_are_paired_with_the_answers_after_them() -> None:
    guide = parse_guide("page.md", PAGE)

    assert guide.steps == (
        Step(
            line=5,
            commands="curl -i one\n",
            expected=Expected(
                line=8,
                status_line="HTTP/1.1 201 Created",
                headers=(("Location", "/things/1"),),
                body='{"id": "1"}\n',
                partial=False,
            ),
        ),
        Step(
            line=25,
            commands="curl two\n",
            expected=Expected(line=29, status_line=None, headers=(), body="{}\n", partial=True),
        ),
    )


def test_commands_that_are_not_run_are_still_shown() -> None:
    guide = parse_guide("page.md", PAGE)

    assert guide.commands() == ("curl -i one\n", "build/program\n", "curl two\n")


def test_a_program_is_run_and_what_it_prints_is_compared_as_text() -> None:
    guide = parse_guide("page.md", "```python\nprint(1)\n```\n```output\n1\n```\n")

    (step,) = guide.steps
    assert step.commands == ".venv/bin/python - <<'END_OF_PROGRAM'\nprint(1)\nEND_OF_PROGRAM\n"
    assert step.expected == Expected(4, None, (), "1\n", False, is_text=True)


def test_an_answer_without_a_body_may_have_headers_or_none() -> None:
    guide = parse_guide("page.md", "```bash\nx\n```\n```http\nHTTP/2 204\n```\n")

    assert guide.steps[0].expected == Expected(4, "HTTP/2 204", (), "", False)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("```bash\nx\n", "1: the block is never closed"),
        ("```bash\nx\n```http\n```\n", "3: the block of line 1 is still open"),
        ("```sh\nx\n```\n", "1: unknown block `sh `"),
        ("```\nx\n```\n", "1: unknown block ` `"),
        ("```bash latter\nx\n```\n", "1: unknown block `bash latter`"),
        ("```http later\nx\n```\n", "1: unknown block `http later`"),
        ("text ```bash\nx\n```\n", "1: a fence stands alone"),
        ("  ```bash\nx\n  ```\n", "1: a fence stands alone"),
        ("```bash later\nx\n```\n", "1: the paragraph before must begin with"),
        ("> **Later.** No.\n\nText.\n\n```bash later\nx\n```\n", "5: the paragraph before"),
        ("> **Later.** No.\n\n```bash not-ours\nx\n```\n", "3: the paragraph before"),
        ("```http\nHTTP/1.1 200 OK\n```\n", "1: an answer needs a command before it"),
        ("```toml\n```\n```json\n{}\n```\n", "3: an answer needs a command before it"),
        (
            "> **Later.** No.\n\n```bash later\nx\n```\n```json\n{}\n```\n",
            "6: an answer needs a command before it",
        ),
        (
            "```bash\nx\n```\n```json\n{}\n```\n```json\n{}\n```\n",
            "7: an answer needs a command before it",
        ),
        ("```bash\nx\n```\n```http\n{}\n```\n", "4: an http block begins with its status line"),
        ("```bash\nx\n```\n```http\nHTTP/1.1 200 OK\nnothing\n```\n", "4: `nothing` is no header"),
    ],
)
def test_a_page_that_breaks_a_convention_is_refused(page: str, complaint: str) -> None:
    with pytest.raises(GuideError) as refusal:
        parse_guide("page.md", page)

    assert f"page.md:{complaint}" in str(refusal.value)


def test_a_note_counts_for_the_block_right_after_it_only() -> None:
    block = "```bash later\nx\n```\n"

    with pytest.raises(GuideError, match=r"page\.md:6: the paragraph before"):
        parse_guide("page.md", f"> **Later.** No.\n\n{block}{block}")
