"""One row of a prompt set, and the "rung.prompts/1" file format as it is written here.

JSON Lines in UTF-8: an optional header object first, then one prompt a row. Reading users' files, with all that can
be wrong in them, is not done here.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SCHEMA = "rung.prompts/1"
LICENSE = "CC0-1.0"
DOCUMENTS_MARKER = "{{documents}}"

Message = dict[str, str]


@dataclass(frozen=True)
class Document:
    id: str
    text: str


@dataclass(frozen=True)
class Row:
    id: str
    messages: tuple[Message, ...]
    expected: str
    max_tokens: int
    documents: tuple[Document, ...] = ()
    answer_document: str | None = None
    conversation: str | None = None
    turn: int | None = None
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value not in (None, ())}

    def rendered(self) -> list[Message]:
        """The messages as they are sent, with the documents in the marker's place."""
        joined = "\n\n".join(document.text for document in self.documents)
        return [{**m, "content": m["content"].replace(DOCUMENTS_MARKER, joined)} for m in self.messages]


@dataclass(frozen=True)
class PromptSet:
    name: str
    title: str
    description: str
    rows: tuple[Row, ...]
    score: str = "contains"

    def to_jsonl(self) -> str:
        header = {
            "schema": SCHEMA,
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "license": LICENSE,
            "score": self.score,
        }
        lines = [header, *(row.to_json() for row in self.rows)]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.jsonl"
        path.write_text(self.to_jsonl(), encoding="utf-8", newline="\n")
        return path


def user(content: str) -> Message:
    return {"role": "user", "content": content}


def system(content: str) -> Message:
    return {"role": "system", "content": content}


def assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}
