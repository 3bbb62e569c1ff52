"""Whether a host can be connected to: a connection that is closed again, and carries nothing."""

from .dialing import dial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .progress import Progress

REACH_S = 3  # name and connection; who waits for it has other things to do


def reach(host: str, port: int, progress: "Progress") -> "bool | None":
    """True where *host* takes a connection, through the proxy of *progress* if it has one.

    A proxy is asked for a tunnel: that it can be reached itself says nothing of what is behind.
    None where the way to the proxy is TLS, which is no cheap question.
    """
    proxy = progress.proxy
    try:
        if proxy is None:
            dial(host, port, progress, ()).close()
            return True
        from urllib.parse import urlsplit

        there = urlsplit(proxy.url)
        if there.scheme != "http":
            return None
        with dial(proxy.host, there.port or 80, progress, ()) as sock:
            target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
            if proxy.authorization:
                head += f"Proxy-Authorization: {proxy.authorization}\r\n"
            sock.settimeout(progress.wait_s())
            sock.sendall(head.encode() + b"\r\n")
            answer = b""
            while b"\n" not in answer and len(answer) < 1000:
                sock.settimeout(progress.wait_s())
                piece = sock.recv(1000)
                if not piece:
                    return False
                answer += piece
            return answer.startswith(b"HTTP/1.") and answer.split(b" ")[1:2] == [b"200"]
    except (OSError, ValueError):  # ValueError: no host name (LocationParseError)
        return False
