#!/usr/bin/env python3
"""
Misuses HTTP/2 by one or many connections, again and again: `misuser.py`, told how by one line of JSON on its standard input.

  port          of the server, on 127.0.0.1
  authorities   file of those that it is trusted by, in PEM: over TLS; null: in cleartext
  count         of connections at once
  file          with the bytes that each one sends
  reads         what comes is read, to its end
  holds         the connection stays; else the next one follows it

Prints a line "ready" when each connection has sent its bytes, or was ended, for the first time. Goes on until it is killed.

Python, for Deno cannot close a connection on which a write waits; a process of its own, so that its work is no part of the
times that a fair client measures.
"""
import json
import socket
import ssl
import sys
import threading
import time

PART_BYTES = 1 << 16
# For a send, and for what comes where nothing is read: then the connection makes room for the next one.
WAIT_SECONDS = 0.1
END_SECONDS = 30
CONNECT_SECONDS = 30


class Misuser:
    def __init__(self, port, authorities, count, file, reads, holds):
        self.address = ("127.0.0.1", port)
        self.context = None
        if authorities is not None:
            self.context = ssl.create_default_context(cafile=authorities)
            self.context.set_alpn_protocols(["h2"])
        self.count = count
        with open(file, "rb") as opened:
            self.bytes = opened.read()
        self.reads = reads
        self.holds = holds
        self.first = threading.Semaphore(0)

    def connect(self):
        plain = socket.create_connection(self.address, CONNECT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is None:
            return plain
        return self.context.wrap_socket(plain, server_hostname="localhost")

    def send(self, connection):
        connection.settimeout(WAIT_SECONDS)
        for start in range(0, len(self.bytes), PART_BYTES):
            connection.sendall(self.bytes[start : start + PART_BYTES])

    def stay(self, connection):
        if self.reads:
            connection.settimeout(None if self.holds else END_SECONDS)
            while connection.recv(PART_BYTES):
                pass
        elif self.holds:
            threading.Event().wait()
        else:
            time.sleep(WAIT_SECONDS)

    def run(self):
        is_told = False
        while True:
            with self.connect() as connection:
                # OSError, which a timeout is, too: the server has ended it, or takes no more.
                try:
                    self.send(connection)
                except OSError:
                    pass
                if not is_told:
                    is_told = True
                    self.first.release()
                try:
                    self.stay(connection)
                except OSError:
                    pass


def main():
    misuser = Misuser(**json.loads(sys.stdin.readline()))
    for _ in range(misuser.count):
        threading.Thread(target=misuser.run, daemon=True).start()
    for _ in range(misuser.count):
        misuser.first.acquire()
    print("ready", flush=True)
    threading.Event().wait()


main()
