"""What a technique may ask for while one prompt is previewed: no engine, no cache, no bill.

A run prepares its prompts in app/preparation, which keeps what was changed and charges for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.experiment.token_counts import count_texts
from optimizers.errors import InputError
from optimizers.transform import Reply, Worked
from store.settings import ROOT

LINE_BYTES = 64 * 2**20


class PreviewTools:
    def __init__(self, served: Path) -> None:
        self._served = served

    async def count(self, texts: Sequence[str]) -> list[int]:
        counted = await asyncio.to_thread(count_texts, self._served, texts)
        if counted is None:
            raise InputError(f"the tokenizer of {self._served.name} cannot be read, so its tokens cannot be counted")
        return counted

    async def work(self, module: str, task: Mapping[str, Any]) -> Worked:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, cwd=ROOT, limit=LINE_BYTES,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        last: dict[str, Any] = {}
        try:
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.close()
            async for line in process.stdout:
                last = json.loads(line)
            await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        if "result" not in last:
            raise InputError(last.get("error") or f"{module} ended without a result (exit code {process.returncode})")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        return Worked(last["result"], time.monotonic() - began, peak)

    async def ask(self, messages: Sequence[Mapping[str, str]], max_tokens: int) -> Reply:
        raise InputError("this technique asks the served model, and no engine runs for a preview")

    def progress(self, done: int, total: int) -> None:
        """One prompt has no progress worth showing."""
