#!/usr/bin/python3
"""A chat for WebSocket: all who are there see what each says, through a file that their programs share.

Try it: ./lisod --root www --websocket /chat=cgi-bin/chat.py and http://localhost:8080/chat.html

The server starts one of these for each client. A message of the client is a line on standard input, a line that is
printed is a message for the client, and the end of the input tells that the client has gone. The file is that of
CHAT_FILE (--cgi-env), else ~/.local/state/lisod-chat. Only modules that come with Python are needed.
"""

import fcntl
import os
import select
import sys
import time
from pathlib import Path

MAX_LINE_CHARACTERS = 500
MAX_FILE_BYTES = 65_536
# Fewer than any file has that is too long.
KEPT_LINES = 30
LOOK_SECONDS = 0.2


def shared_file() -> Path:
    """Where the lines are; readable and writable for this user alone."""
    path = Path(os.environ.get("CHAT_FILE") or Path("~/.local/state/lisod-chat").expanduser())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    return path


def last_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)[-KEPT_LINES:]


def say(path: Path, text: str) -> None:
    """Adds a line. A file that has grown too long gives way to one that begins with its last lines."""
    printable = "".join(character for character in text if character.isprintable())[:MAX_LINE_CHARACTERS].strip()
    if not printable:
        return
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.stat().st_size > MAX_FILE_BYTES:
            shorter = path.with_name(path.name + ".new")
            shorter.touch(mode=0o600)
            shorter.write_text("".join(last_lines(path)), encoding="utf-8")
            shorter.rename(path)
        with path.open("a", encoding="utf-8") as shared:
            shared.write(f"{time.strftime('%H:%M')} {printable}\n")


class Follower:
    """What has been said since the last look; at first the last lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open(encoding="utf-8")
        self.lines = self.file.readlines()[-KEPT_LINES:]

    def look(self) -> list[str]:
        lines, self.lines = self.lines + self.file.readlines(), []
        if self.path.stat().st_ino != os.fstat(self.file.fileno()).st_ino:
            # Another one stands in its place, and nothing is added to this one any more.
            lines += self.file.readlines()
            self.file.close()
            self.file = self.path.open(encoding="utf-8")
            lines += self.file.readlines()[KEPT_LINES:]
        return lines


def main() -> None:
    path = shared_file()
    follower = Follower(path)
    heard = b""
    while True:
        for line in follower.look():
            print(line, end="")
        sys.stdout.flush()
        if not select.select([0], [], [], LOOK_SECONDS)[0]:
            continue
        part = os.read(0, 65_536)
        if not part:
            return
        *whole, heard = (heard + part).split(b"\n")
        for message in whole:
            say(path, message.decode(errors="replace"))


if __name__ == "__main__":
    main()
