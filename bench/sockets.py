"""A small WebSocket client (RFC 6455) that types at a terminal: ours, or terminado's."""

import base64
import json
import os
import socket
import struct
import urllib.parse


# How much is shown before it is acknowledged; the window is four times that.
ACK = 64 * 1024


class Socket:
    """A terminal at the end of a WebSocket; `terminado` says which of the two protocols is spoken."""

    def __init__(self, url, path, headers, terminado=False):
        place = urllib.parse.urlsplit(url)
        self.terminado, self.kept, self.unread, self.shown_since = terminado, b"", b"", 0
        self.socket = socket.create_connection((place.hostname, place.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = {"Host": place.netloc, "Upgrade": "websocket", "Connection": "Upgrade", "Origin": url, "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **headers}
        self.socket.sendall((f"GET {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode())
        while b"\r\n\r\n" not in self.kept:
            self.kept += self.socket.recv(4096)
        head, _, self.kept = self.kept.partition(b"\r\n\r\n")
        assert b" 101 " in head.splitlines()[0], head

    def send(self, kind, payload):
        """Sends one whole message; a client's are masked, here with zeros."""
        length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
        self.socket.sendall(bytes([0x80 | kind]) + length + b"\0\0\0\0" + payload)

    def message(self):
        """Returns the next message's kind and payload; pings are answered."""
        def take(count):
            while len(self.kept) < count:
                more = self.socket.recv(65536)
                if not more:
                    raise EOFError
                self.kept += more
            taken, self.kept = self.kept[:count], self.kept[count:]
            return taken

        kind, length = take(2)
        if length == 126:
            length, = struct.unpack(">H", take(2))
        elif length == 127:
            length, = struct.unpack(">Q", take(8))
        payload = take(length)
        if kind & 15 == 9:
            self.send(10, payload)
        return kind & 15, payload

    def type(self, keys):
        """Types."""
        if self.terminado:
            self.send(1, json.dumps(["stdin", keys.decode()]).encode())
        else:
            self.send(2, keys)

    def shown(self):
        """Returns some output."""
        while True:
            kind, payload = self.message()
            if self.terminado and kind == 1:
                word, *rest = json.loads(payload)
                if word == "stdout":
                    return rest[0].encode()
            if not self.terminado and kind == 2:
                self.shown_since += len(payload)
                if self.shown_since >= ACK:
                    self.send(1, json.dumps({"type": "ack", "bytes": self.shown_since}).encode())
                    self.shown_since = 0
                return payload

    def echo(self, byte):
        """Types one byte and returns what is shown."""
        self.type(byte)
        while not self.unread:
            self.unread = self.shown()
        first, self.unread = self.unread[:1], self.unread[1:]
        return first

    def end(self):
        """Closes the line."""
        self.socket.close()
