"""A result file of a known tool -> its runs. The tool is told from the content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.interchange.aiperf import is_aiperf, is_aiperf_lines, read_aiperf
from app.interchange.guidellm import is_guidellm, read_guidellm
from app.interchange.imported import ImportedRun
from app.interchange.rung import is_rung, read_rung
from app.interchange.vllm import is_vllm, read_vllm
from optimizers.errors import InputError


@dataclass(frozen=True)
class Format:
    title: str
    fits: Callable[[Any], bool]
    read: Callable[[Any, str], list[ImportedRun]]


FORMATS: Mapping[str, Format] = {
    "vllm": Format("a result of vllm bench serve", is_vllm, read_vllm),
    "guidellm": Format("a GuideLLM report", is_guidellm, read_guidellm),
    "aiperf": Format(
        "an export of aiperf", lambda document: is_aiperf(document) or is_aiperf_lines(document), read_aiperf
    ),
    "rung": Format("an exported run of Rung", is_rung, read_rung),
}


@dataclass(frozen=True)
class Source:
    """Where runs came from: the file's name without its folder, its SHA-256, and the format as in FORMATS."""

    file: str
    sha256: str
    format: str


def read_results(path: Path, given: str | None = None) -> tuple[Source, list[ImportedRun]]:
    """Raises InputError, in one line, for a file that cannot be read as `given` or as anything known."""
    try:
        content = path.read_bytes()
        document = _parse(content.decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}: not JSON, or cut short ({error.msg}); "
            "give the file as the tool wrote it, with one result in it"
        ) from None
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be a result") from None
    fitting = next((key for key, each in FORMATS.items() if each.fits(document)), None)
    if fitting is None or given not in (None, fitting):
        wanted = FORMATS[given].title if given else "a result that Rung knows (" + ", ".join(FORMATS) + ")"
        seems = f"; it looks like {FORMATS[fitting].title}" if fitting else ""
        raise InputError(f"{path} is not {wanted}{seems}")
    source = Source(path.name, hashlib.sha256(content).hexdigest(), fitting)
    return source, FORMATS[fitting].read(document, str(path))


def _parse(text: str) -> Any:
    """JSON, or a list of what JSON Lines hold. Raises JSONDecodeError with the line that is wrong."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        if error.msg != "Extra data":
            raise
        found = []
        for at, line in enumerate(lines):
            try:
                found += [json.loads(line)] if line.strip() else []
            except json.JSONDecodeError as wrong:
                raise json.JSONDecodeError(wrong.msg, text, sum(len(each) + 1 for each in lines[:at])) from None
        return found
