"""A web server with files that change, vanish, move or fail, as a test says."""

from __future__ import annotations

import hashlib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class WebServer:
    """Serves on loopback while the block lasts."""

    def __init__(self, certificate: Path | None = None) -> None:
        #: Content by path.
        self.files: dict[str, bytes] = {}
        #: Status by path, in place of an answer.
        self.statuses: dict[str, int] = {}
        #: Where a path redirects to.
        self.redirects: dict[str, str] = {}
        #: Paths whose connection breaks in the middle of the content.
        self.broken: set[str] = set()
        #: The headers of every request, with the path.
        self.requests: list[tuple[str, dict[str, str]]] = []
        #: The bytes of content that were sent.
        self.bytes_sent = 0
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.web = self
        self._secure = certificate is not None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def url(self, path: str) -> str:
        """The address of a path."""
        scheme, host = ("https", "localhost") if self._secure else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self._server.server_port}{path}"

    def __enter__(self) -> WebServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    web: WebServer
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, or distrusts the certificate, is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Answer as the test has said."""
        web, path = self.server.web, self.path.partition("?")[0]
        with web.lock:
            web.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        if path in web.redirects:
            self._send(302, {"Location": web.redirects[path]})
        elif path in web.statuses:
            self._send(web.statuses[path], {})
        elif path not in web.files:
            self._send(404, {})
        else:
            self._send_file(path, web.files[path])

    def _send_file(self, path: str, content: bytes) -> None:
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        if self.headers.get("If-None-Match") == etag:
            self._send(304, {"ETag": etag})
            return
        sent = content[: len(content) // 2] if path in self.server.web.broken else content
        with self.server.web.lock:
            self.server.web.bytes_sent += len(sent)
        self._send(200, {"ETag": etag, "Content-Length": str(len(content))}, sent)

    def _send(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def make_certificate(path: Path) -> Path:
    """Write a key and a certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
