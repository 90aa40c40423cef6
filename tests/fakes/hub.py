"""A hub on this machine: one model, served as the real hub's client asks for it, slowly or cut in the middle.

Covers what `huggingface_hub` needs to look at a model and to download its files; no uploads, no Xet, no login.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 64 * 1024


class FakeHub(ThreadingHTTPServer):
    """`files` by name. `pause_s` is waited after each 64 KiB; the next `cuts` connections end after `cut_after` bytes
    of a file, and then, where it is `broken`, the hub answers HTTP 500 to everything."""

    daemon_threads = True

    def __init__(self, hub_id: str, files: Mapping[str, bytes], pause_s: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub_id, self.files, self.pause_s = hub_id, dict(files), pause_s
        self.cut_after, self.cuts, self.broken = 0, 0, False
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def listing(self) -> list[dict[str, Any]]:
        return [
            {"type": "file", "path": name, "rfilename": name, "size": len(content), "oid": blob_of(content),
             "blobId": blob_of(content)}
            for name, content in self.files.items()
        ]  # fmt: skip


def blob_of(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        hub, model = self.server, self.server.hub_id
        hub.asked.append(path)
        if hub.broken and not hub.cuts:
            self._json({"error": "broken"}, body, 500)
        elif path in (f"/api/models/{model}", f"/api/models/{model}/revision/main"):
            listing = hub.listing()
            self._json({"_id": "1", "id": model, "sha": COMMIT, "siblings": listing, "private": False}, body)
        elif path.startswith(f"/api/models/{model}/tree/"):
            self._json(hub.listing(), body)
        elif path.startswith(f"/{model}/resolve/"):
            name = path.removeprefix(f"/{model}/resolve/").partition("/")[2]
            self._file(hub.files[name], body)
        else:
            self._json({"error": "Repository not found"}, body, 404, {"X-Error-Code": "RepoNotFound"})

    def _json(self, document: Any, body: bool, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def _file(self, content: bytes, body: bool) -> None:
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0] or 0)
        self.send_response(206 if begin else 200)
        self.send_header("ETag", f'"{blob_of(content)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        hub = self.server
        for at in range(begin, len(content) if body else 0, PIECE):
            if hub.cuts and at >= hub.cut_after > 0:
                hub.cuts -= 1
                self.close_connection = True
                return
            try:
                self.wfile.write(content[at : at + PIECE])
            except OSError:
                self.close_connection = True
                return
            if len(content) > PIECE:
                time.sleep(hub.pause_s)


@contextmanager
def fake_hub(hub_id: str, files: Mapping[str, bytes], pause_s: float = 0.0) -> Iterator[FakeHub]:
    with FakeHub(hub_id, files, pause_s) as hub:
        serving = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        serving.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            serving.join()


def use_hub_cache(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """The hub client's cache, of jobs and of this process, which read where it is when they begin."""
    patch.setenv("HF_HUB_CACHE", str(folder))
    patch.delenv("HF_HUB_OFFLINE", raising=False)
    for module in ("huggingface_hub.constants", "huggingface_hub._snapshot_download"):
        patch.setattr(f"{module}.HF_HUB_CACHE", str(folder), raising=False)
