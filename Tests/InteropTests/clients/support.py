"""Starts daemons (ours and Go's) with throw-away state on loopback, and speaks the protobuf control protocol to them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from p2pclient.pb import p2pd_pb2 as pb

ROOT = Path(__file__).resolve().parents[3]
OURS = os.environ.get("P2PD", str(ROOT / ".build/release/p2pd"))
CTL = os.environ.get("P2PCTL", str(ROOT / ".build/release/p2pctl"))
GO = str(ROOT / ".venv-clients/bin/p2pd-go")

STARTUP_SECONDS = 20
MIB = 1 << 20


class ControlError(Exception):
    """The daemon's ERROR answer."""


class Daemon:
    """One daemon process; stdout and stderr are kept in files beside its socket."""

    def __init__(self, executable: str, *flags: str, host: str = "/ip4/127.0.0.1/tcp/0", wait: bool = True):
        self.directory = tempfile.mkdtemp(prefix="p2pd-test-")
        self.control = os.path.join(self.directory, "control.sock")
        self.executable = executable
        arguments = [executable, f"-listen=/unix{self.control}"]
        if host:
            arguments.append(f"-hostAddrs={host}")
        self.stdout_path = os.path.join(self.directory, "stdout")
        self.stderr_path = os.path.join(self.directory, "stderr")
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen([*arguments, *flags], stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        if wait:
            try:
                self.wait_until_ready()
            except BaseException:
                self.close()
                raise

    @property
    def stdout(self) -> str:
        return Path(self.stdout_path).read_text()

    @property
    def stderr(self) -> str:
        return Path(self.stderr_path).read_text()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + STARTUP_SECONDS
        while "Peer Addrs:" not in self.stdout:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.executable} exited {self.process.returncode}: {self.stderr}")
            assert time.monotonic() < deadline, f"{self.executable} did not start: {self.stderr}"
            time.sleep(0.005)
        info = self.client().identify()
        self.peer = info.id
        self.addrs = list(info.addrs)

    def client(self) -> "Control":
        return Control(self.control)

    def rss_kib(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError("no VmRSS")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def close(self) -> int | None:
        """SIGTERM, then the exit code; SIGKILL when it does not end."""
        code = self.process.poll()
        if code is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                code = None
        shutil.rmtree(self.directory, ignore_errors=True)
        return code

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(self, *_) -> None:
        self.close()


@contextlib.contextmanager
def daemons(*executables_and_flags):
    """`with daemons((OURS, "-tls=false"), (GO,)) as (a, b):`"""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Daemon(*entry)) for entry in executables_and_flags]


def encode_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_exactly(sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = sock.recv(count - len(data))
        if not chunk:
            raise EOFError(f"connection ended after {len(data)} of {count} bytes")
        data += chunk
    return bytes(data)


def read_delimited(sock: socket.socket) -> bytes:
    length = shift = 0
    while True:
        byte = read_exactly(sock, 1)[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return read_exactly(sock, length)


def delimited(message) -> bytes:
    body = message.SerializeToString()
    return encode_varint(len(body)) + body


class Control:
    """One control connection; a call per request."""

    def __init__(self, path: str, timeout: float = 60):
        self.sock = socket.socket(socket.AF_UNIX)
        # Blocking while it connects: a full backlog makes a client wait, as it should.
        self.sock.connect(path)
        self.sock.settimeout(timeout)

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def call(self, request) -> pb.Response:
        self.sock.sendall(delimited(request))
        response = pb.Response()
        response.ParseFromString(read_delimited(self.sock))
        if response.type == pb.Response.ERROR:
            raise ControlError(response.error.msg)
        return response

    def identify(self):
        return self.call(pb.Request(type=pb.Request.IDENTIFY)).identify

    def connect(self, peer: bytes, addrs, timeout: int = 10) -> None:
        self.call(
            pb.Request(
                type=pb.Request.CONNECT, connect=pb.ConnectRequest(peer=peer, addrs=list(addrs), timeout=timeout)
            )
        )

    def disconnect(self, peer: bytes) -> None:
        self.call(pb.Request(type=pb.Request.DISCONNECT, disconnect=pb.DisconnectRequest(peer=peer)))

    def peers(self):
        return list(self.call(pb.Request(type=pb.Request.LIST_PEERS)).peers)

    def handle(self, protocol: str, path: str, balanced: bool | None = None) -> None:
        """Registers a handler. `balanced` None speaks upstream's message, else the fork's (field 3)."""
        address = b"\x90\x03" + encode_varint(len(path)) + path.encode()  # /unix: the path with its leading slash
        handler = pb.StreamHandlerRequest(addr=address, proto=[protocol])
        body = handler.SerializeToString()
        if balanced is not None:
            body += bytes([0x18, int(balanced)])
        request = b"\x08\x03" + b"\x22" + encode_varint(len(body)) + body
        assert pb.Request.STREAM_HANDLER == 3
        self.sock.sendall(encode_varint(len(request)) + request)
        response = pb.Response()
        response.ParseFromString(read_delimited(self.sock))
        if response.type == pb.Response.ERROR:
            raise ControlError(response.error.msg)

    def stream_request(self, peer: bytes, *protocols: str, timeout: int = 20) -> bytes:
        return delimited(
            pb.Request(
                type=pb.Request.STREAM_OPEN,
                streamOpen=pb.StreamOpenRequest(peer=peer, proto=list(protocols), timeout=timeout),
            )
        )

    def open(self, peer: bytes, *protocols: str, timeout: int = 20, early: bytes = b"") -> socket.socket:
        """Opens a stream; this connection becomes it. `early` goes in the same write as the request."""
        self.sock.sendall(self.stream_request(peer, *protocols, timeout=timeout) + early)
        response = pb.Response()
        response.ParseFromString(read_delimited(self.sock))
        if response.type == pb.Response.ERROR:
            raise ControlError(response.error.msg)
        self.info = response.streamInfo
        return self.sock


def connect_pair(a: Daemon, b: Daemon) -> None:
    with a.client() as control:
        control.connect(b.peer, b.addrs)


class Handler:
    """A program that serves a protocol: a listening Unix socket, a thread per inbound stream running `serve(sock, info)`."""

    def __init__(self, daemon: Daemon, protocol: str, serve, *, balanced: bool | None = None, backlog: int = 128):
        self.path = tempfile.mktemp(prefix="handler-", suffix=".sock", dir=daemon.directory)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(backlog)
        self.serve = serve
        self.errors: list[BaseException] = []
        threading.Thread(target=self._accept, daemon=True).start()
        with daemon.client() as control:
            control.handle(protocol, self.path, balanced)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(60)
            try:
                info = pb.StreamInfo()
                info.ParseFromString(read_delimited(connection))
                self.serve(connection, info)
            except BaseException as error:  # noqa: BLE001 - the test asserts that there were none
                self.errors.append(error)

    def close(self) -> None:
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def echo(sock: socket.socket, _info) -> None:
    """Sends everything back; ends its direction when the other side has ended its own."""
    while chunk := sock.recv(65536):
        sock.sendall(chunk)
    sock.shutdown(socket.SHUT_WR)


def hash_back(sock: socket.socket, _info) -> None:
    """Reads to the end, then answers with the SHA-256 of it: needs half-close."""
    digest = hashlib.sha256()
    while chunk := sock.recv(1 << 18):
        digest.update(chunk)
    sock.sendall(digest.digest())


def read_to_end(sock: socket.socket) -> bytes:
    data = bytearray()
    while chunk := sock.recv(1 << 18):
        data += chunk
    return bytes(data)


def pattern(size: int, seed: int = 1) -> bytes:
    """Bytes that do not repeat within a frame, the same for the same seed."""
    import random

    return random.Random(seed).randbytes(size)


def send_and_hash(sock: socket.socket, data: bytes) -> bytes:
    """Sends `data`, ends the direction and returns what comes back."""
    sender = threading.Thread(target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR)), daemon=True)
    sender.start()
    answer = read_to_end(sock)
    sender.join(60)
    assert not sender.is_alive(), "the sender is stuck"
    return answer


def wait_for(condition, seconds: float = 10, what: str = "condition") -> None:
    """Polls for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.01)
