"""Work for the tests of preparation: a module that is run as a process and follows the protocol, or does not."""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    task = json.loads(sys.stdin.readline())
    print("a library says something that is no progress")
    how = task.get("how")
    if how == "crash":
        print("what the library could not do", file=sys.stderr)
        sys.exit(3)
    if how == "error":
        print(json.dumps({"error": "the folder holds no compressor"}))
        return
    if how == "sleep":
        print(json.dumps({"done": 0, "total": 1}), flush=True)
        time.sleep(60)
    ballast = bytearray(task.get("megabytes", 0) << 20)
    texts = task["texts"]
    for number, _ in enumerate(texts, start=1):
        print(json.dumps({"done": number, "total": len(texts)}), flush=True)
        time.sleep(task.get("pause_s", 0))
    print(json.dumps({"result": [text.upper() for text in texts], "ballast": len(ballast)}))


if __name__ == "__main__":
    main()
