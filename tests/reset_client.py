#!/usr/bin/env python3
"""
A client that resets its connection after each byte of an exchange: `reset_client.py PORT STEP [ROOT_CERTIFICATE]`.

The whole exchange is played once to see how many bytes cross the wire, in both directions together. Then, for each STEP-th
number of bytes, it is played again and cut there by a TCP reset. With a certificate the exchange is TLS, and the bytes are
those of the records. Python, because Deno cannot reset a connection and has no TLS over bytes in memory.
"""
import socket
import ssl
import struct
import sys

LENGTH = 800
REQUEST = b"".join([
    b"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % LENGTH,
    b"c" * LENGTH,
    b"GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
])


class Cut(Exception):
    """So many bytes have crossed the wire."""


class Wire:
    """A socket that counts the bytes in both directions and cuts when there are enough."""

    def __init__(self, port, most):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.left = most
        self.count = 0

    def send(self, data):
        self.socket.sendall(data[: self.left])
        self.note(min(len(data), self.left))

    def receive(self):
        data = self.socket.recv(min(4096, self.left))
        self.note(len(data))
        return data

    def note(self, count):
        self.count += count
        self.left -= count
        if self.left == 0:
            raise Cut

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def play_plain(wire):
    wire.send(REQUEST)
    while wire.receive():
        pass


def play_tls(wire, context):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

    def step(action, *args):
        while True:
            try:
                result = action(*args)
                wire.send(outgoing.read()) if outgoing.pending else None
                return result
            except ssl.SSLWantReadError:
                wire.send(outgoing.read()) if outgoing.pending else None
                data = wire.receive()
                incoming.write(data) if data else incoming.write_eof()
            except ssl.SSLError:
                return b""

    step(tls.do_handshake)
    step(tls.write, REQUEST)
    while step(tls.read, 4096):
        pass


def play(port, most, context):
    wire = Wire(port, most)
    try:
        play_tls(wire, context) if context else play_plain(wire)
    except Cut:
        pass
    except (ConnectionResetError, BrokenPipeError):
        pass
    wire.reset()
    return wire.count


def main(port, step, certificate=None):
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    total = play(int(port), 1 << 30, context)
    for most in range(1, total + 1, int(step)):
        play(int(port), most, context)
    print(total)


main(*sys.argv[1:])
