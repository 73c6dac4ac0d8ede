#!/usr/bin/env python3
"""
Many clients of one kind: `crowd.py`, told what to do by one line of JSON on its standard input.

  port          of the server, on 127.0.0.1
  count         of clients; each has one connection and sends one request
  perAddress    so many clients share one source address, 127.1.0.1, 127.1.0.2 and so on
  request       bytes as Latin-1
  reads         "nothing": what comes stays where it is; "slowly": 1 KiB a second; "all"
  atOnce        so many connections are being opened at once

Prints a line "ready" when each client has sent its request or was cut, for "all" when each has its answer. Then holds
everything until its standard input ends, and prints what became of the clients as one line of JSON:

  opened        connections that were established
  cut           connections that the server ended before the answer was whole
  answers       whole answers by status
  wrong         a sample of what began otherwise than an answer does

Python, because Deno cannot choose the source address of a connection; a process of its own, so that its work is no part of
the times that a fair client measures.
"""
import errno
import json
import select
import socket
import sys
import time

READ_BYTES = 1 << 16
SLOW_BYTES = 1024
SLOW_SECONDS = 1
HEAD_END = b"\r\n\r\n"


class Client:
    """One connection with one request."""

    def __init__(self, crowd, number):
        self.crowd = crowd
        self.sent = 0
        self.head = b""
        self.length = None
        self.received = 0
        self.tail = b""
        self.is_open = False
        self.is_done = False
        self.socket = socket.socket()
        self.socket.setblocking(False)
        # IP_BIND_ADDRESS_NO_PORT: a port is taken for the whole address pair, so that none of them can run out.
        self.socket.setsockopt(socket.IPPROTO_IP, 24, 1)
        self.socket.bind((source_address(number // crowd.per_address), 0))
        code = self.socket.connect_ex(("127.0.0.1", crowd.port))
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, "connect")

    @property
    def is_ready(self):
        if self.is_done:
            return True
        return self.crowd.reads != "all" and self.sent == len(self.crowd.request)

    @property
    def events(self):
        if self.sent < len(self.crowd.request):
            return select.EPOLLOUT | select.EPOLLIN * (self.crowd.reads == "all")
        return select.EPOLLRDHUP if self.crowd.reads != "all" else select.EPOLLIN

    def write(self):
        if not self.is_open:
            self.is_open = True
            self.crowd.opened += 1
        self.sent += self.socket.send(self.crowd.request[self.sent :])

    def read(self, most):
        data = self.socket.recv(most)
        if not data:
            return self.end()
        if HEAD_END not in self.head:
            self.head += data
            if HEAD_END not in self.head:
                return None
            head, _, data = self.head.partition(HEAD_END)
            self.head = head + HEAD_END
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    self.length = int(value)
        self.received += len(data)
        self.tail = (self.tail + data)[-5:]
        return None

    def end(self):
        """The server has ended its side."""
        if self.is_done:
            return
        self.is_done = True
        is_chunked = b"transfer-encoding: chunked" in self.head.lower()
        if is_chunked:
            is_whole = self.tail == b"0\r\n\r\n"
        else:
            is_whole = HEAD_END in self.head and self.length in (None, self.received)
        if is_whole:
            status = self.head[9:12].decode("latin-1")
            self.crowd.answers[status] = self.crowd.answers.get(status, 0) + 1
        else:
            self.crowd.cut += 1
            if self.head and not self.head.startswith(b"HTTP/1.1 "):
                self.crowd.wrong = self.head[:80].decode("latin-1")
        self.socket.close()


def source_address(number):
    return f"127.1.{number // 250}.{1 + number % 250}"


class Crowd:
    def __init__(self, port, count, perAddress, request, reads, atOnce):
        self.port = port
        self.count = count
        self.per_address = perAddress
        self.request = request.encode("latin-1")
        self.reads = reads
        self.at_once = atOnce
        self.opened = 0
        self.cut = 0
        self.answers = {}
        self.wrong = None
        self.clients = {}
        self.waiting = set()
        self.epoll = select.epoll()
        self.begun = 0

    def begin(self):
        while self.begun < self.count and len(self.waiting) < self.at_once:
            client = Client(self, self.begun)
            self.begun += 1
            number = client.socket.fileno()
            self.clients[number] = client
            self.waiting.add(number)
            self.epoll.register(number, client.events | select.EPOLLOUT)

    def turn(self, number, events):
        client = self.clients[number]
        try:
            if events & select.EPOLLOUT:
                client.write()
            if events & select.EPOLLIN and self.reads == "all":
                client.read(READ_BYTES)
            elif events & (select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP):
                client.end()
        except BlockingIOError:
            pass
        except OSError:
            client.end()
        if client.is_done:
            # Closing has taken it out of the epoll, and its number may be another's soon.
            del self.clients[number]
        else:
            self.epoll.modify(number, client.events)
        if client.is_ready:
            self.waiting.discard(number)

    def read_slowly(self):
        for number, client in list(self.clients.items()):
            try:
                if client.is_open:
                    client.read(SLOW_BYTES)
            except BlockingIOError:
                pass
            except OSError:
                client.end()
            if client.is_done:
                self.clients.pop(number, None)
                self.waiting.discard(number)

    def run(self):
        self.epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        is_told = False
        next_read = time.monotonic() + SLOW_SECONDS
        while True:
            self.begin()
            if not is_told and self.begun == self.count and not self.waiting:
                print("ready", flush=True)
                is_told = True
            for number, events in self.epoll.poll(SLOW_SECONDS):
                if number == sys.stdin.fileno():
                    return
                if number in self.clients:
                    self.turn(number, events)
            if self.reads == "slowly" and time.monotonic() >= next_read:
                next_read += SLOW_SECONDS
                self.read_slowly()


def main():
    crowd = Crowd(**json.loads(sys.stdin.readline()))
    crowd.run()
    for client in crowd.clients.values():
        client.socket.close()
    report = {name: getattr(crowd, name) for name in ("opened", "cut", "answers", "wrong")}
    print(json.dumps(report), flush=True)


main()
