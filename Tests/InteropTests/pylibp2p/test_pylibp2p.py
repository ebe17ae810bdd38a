"""Dial and listen with py-libp2p 0.8.1, over Noise+Yamux and TLS+Yamux."""

import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from multiaddr import Multiaddr

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "clients"))

from support import OURS, ROOT, Daemon, Handler, pattern, read_exactly  # noqa: E402

PYTHON = str(ROOT / ".venv-pylibp2p/bin/python")
PEER = str(HERE / "pylibp2p_peer.py")


def hash_sized(sock, _info):
    (size,) = struct.unpack(">Q", read_exactly(sock, 8))
    sock.sendall(hashlib.sha256(read_exactly(sock, size)).digest())
    sock.recv(1)


@pytest.mark.parametrize("security", ["noise", "tls"])
def test_py_dials_ours(security):
    with Daemon(OURS) as ours:
        handler = Handler(ours, "/hash/1", hash_sized, balanced=False)
        address = f"{Multiaddr(ours.addrs[0])}/p2p/{ours.stdout.splitlines()[1].removeprefix('Peer ID: ')}"
        result = subprocess.run([PYTHON, PEER, "dial", security, address], capture_output=True, text=True, timeout=90)
        assert result.stdout.strip() == "ok", result.stderr[-2000:]
        assert not handler.errors


@pytest.mark.parametrize("security", ["noise", "tls"])
def test_ours_dials_py(security):
    peer = subprocess.Popen([PYTHON, PEER, "listen", security], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = Multiaddr(peer.stdout.readline().strip())
        peer_id = address.value_for_protocol("p2p")
        transport = address.decapsulate(Multiaddr(f"/p2p/{peer_id}"))
        import base58

        with Daemon(OURS) as ours, ours.client() as control:
            control.connect(base58.b58decode(peer_id), [transport.to_bytes()])
            stream = control.open(base58.b58decode(peer_id), "/hash/1")
            data = pattern(4 << 20)
            stream.sendall(struct.pack(">Q", len(data)) + data)
            assert read_exactly(stream, 32) == hashlib.sha256(data).digest()
    finally:
        peer.stdin.close()
        peer.terminate()
        peer.wait(10)
