"""Servers made of plain sockets, so that each may misbehave exactly as its test says."""

import socket
import struct
import threading


class Connection:
    """The server's end of one connection."""

    def __init__(self, sock, number, stopped):
        self.sock = sock
        self.stopped = stopped  # the server's: set when it ends
        self.number = number  # 1 for the first connection that the server took
        self._left = b""

    def read_head(self):
        """The request line and the headers, as sent; b"" when the client has closed."""
        while b"\r\n\r\n" not in self._left:
            data = self.sock.recv(65_536)
            if not data:
                return b""
            self._left += data
        head, _end, self._left = self._left.partition(b"\r\n\r\n")
        return head

    def read_request(self):
        """A `SeenRequest`; None when the client has closed."""
        head = self.read_head()
        if not head:
            return None
        request = SeenRequest(head)
        body = bytearray()
        length = int(request.headers.get("content-length", 0))
        while len(body) < length:
            data = self._left or self.sock.recv(65_536)
            self._left = b""
            if not data:
                break
            body += data
        self._left = bytes(body[length:])
        request.body = bytes(body[:length])
        return request

    def take(self):
        """What was received beyond the last head; the caller reads on from the socket."""
        left, self._left = self._left, b""
        return left

    def reset(self):
        """Close with an RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def answer(self, status=200, body=b"{}", headers=()):
        lines = [f"HTTP/1.1 {status} Words", f"Content-Length: {len(body)}", *headers]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)


class SeenRequest:
    """What a client sent."""

    def __init__(self, head):
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _version = first.split(" ")
        self.headers = {}
        for line in lines:
            name, _colon, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = b""


class Server:
    """`with Server(talk) as server:` calls *talk* with each `Connection`, in a thread of its own.

    Without *talk* it answers 200 to everything. *context* makes it speak TLS.
    """

    def __init__(self, talk=None, *, context=None, host="127.0.0.1", port=0):
        self._talk = talk or self.answer_everything
        self._context = context
        self._listener = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
        self._threads = []
        self._socks = []
        self.port = self._listener.getsockname()[1]
        self.requests = []
        self.connections = 0
        self.stopped = threading.Event()

    @property
    def url(self):
        return (
            f"https://localhost:{self.port}" if self._context else f"http://127.0.0.1:{self.port}"
        )

    def answer_everything(self, connection):
        while request := connection.read_request():
            self.requests.append(request)
            connection.answer()

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *exc):
        self.stopped.set()
        for sock in (self._listener, *self._socks):
            try:
                # Not SSLSocket's own, which takes the TLS object from under the other thread.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def refuse(self):
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                sock, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._socks.append(sock)
            self._start(self._serve, sock, self.connections)

    def _serve(self, sock, number):
        try:
            if self._context:
                sock = self._context.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                )
                self._socks[number - 1] = sock
                sock.do_handshake()
            self._talk(Connection(sock, number, self.stopped))
        except OSError:
            pass  # the client ended it, or the test did
        finally:
            sock.close()
