"""Streams between our daemon and Go's p2pd (go-libp2p 0.32), in both directions, over both secure channels, with each kind of key."""

import hashlib
import struct
import subprocess
import threading

import pytest
from support import CTL, GO, MIB, OURS, ControlError, Handler, daemons, echo, pattern, read_exactly

SECURITY = {"tls": "-noise=false", "noise": "-tls=false"}
DIRECTIONS = {"ours dials": (OURS, GO), "go dials": (GO, OURS)}


def sized_hash(sock, _info):
    """Reads a length and as many bytes, answers with their SHA-256 and the bytes of a length asked for: no half-close needed (Go has none)."""
    size, answer_size = struct.unpack(">QQ", read_exactly(sock, 16))
    digest = hashlib.sha256()
    while size:
        chunk = sock.recv(min(size, 1 << 18))
        assert chunk, "stream ended early"
        digest.update(chunk)
        size -= len(chunk)
    sock.sendall(digest.digest())
    sock.sendall(pattern(answer_size, seed=7))
    sock.recv(1)


def exchange(dialer, listener, size, answer_size=0):
    """Sends `size` bytes from a program of `dialer` to a handler of `listener`, gets `answer_size` back; compares hashes."""
    handler = Handler(listener, "/sized-hash/1", sized_hash, balanced=False)
    data = pattern(size)
    with dialer.client() as control:
        control.connect(listener.peer, listener.addrs)
        stream = control.open(listener.peer, "/sized-hash/1")
        sender = threading.Thread(target=stream.sendall, args=(struct.pack(">QQ", size, answer_size) + data,))
        sender.start()
        digest = read_exactly(stream, 32)
        sender.join()
        assert digest == hashlib.sha256(data).digest()
        assert read_exactly(stream, answer_size) == pattern(answer_size, seed=7)
    assert not handler.errors


@pytest.mark.parametrize("security", SECURITY)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_64_mib_arrive_unharmed(security, direction):
    dialer, listener = DIRECTIONS[direction]
    with daemons((dialer, SECURITY[security]), (listener, SECURITY[security])) as (a, b):
        exchange(a, b, 64 * MIB, 64 * MIB)


@pytest.mark.parametrize("key", ["ed25519", "rsa", "secp256k1", "ecdsa"])
@pytest.mark.parametrize("security", SECURITY)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_identities_of_every_kind(key, security, direction, tmp_path):
    for name in ("a", "b"):
        subprocess.run([CTL, "key", "generate", "--type", key, str(tmp_path / name)], check=True, capture_output=True)
    dialer, listener = DIRECTIONS[direction]
    with daemons(
        (dialer, SECURITY[security], f"-id={tmp_path / 'a'}"), (listener, SECURITY[security], f"-id={tmp_path / 'b'}")
    ) as (a, b):
        exchange(a, b, MIB, 1000)
        for daemon, name in ((a, "a"), (b, "b")):
            shown = subprocess.run([CTL, "key", "show", str(tmp_path / name)], check=True, capture_output=True, text=True)
            peer_line = daemon.stdout.splitlines()[1]
            assert peer_line.removeprefix("Peer ID: ") in shown.stdout


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_hundred_streams_at_once(direction):
    dialer, listener = DIRECTIONS[direction]
    with daemons((dialer,), (listener,)) as (a, b):
        handler = Handler(b, "/echo-test/1", echo, balanced=False)
        with a.client() as control:
            control.connect(b.peer, b.addrs)
        streams = []
        for index in range(100):
            control = a.client()
            streams.append(control.open(b.peer, "/echo-test/1"))
        for index, stream in enumerate(streams):
            stream.sendall(pattern(10_000, seed=index))
        for index, stream in enumerate(streams):
            assert read_exactly(stream, 10_000) == pattern(10_000, seed=index)
            stream.close()
        assert not handler.errors


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_unknown_protocol_is_an_error_and_the_connection_stays_usable(direction):
    dialer, listener = DIRECTIONS[direction]
    with daemons((dialer,), (listener,)) as (a, b):
        with a.client() as control:
            control.connect(b.peer, b.addrs)
            with pytest.raises(ControlError, match=r"protocols not supported: \[/nope\]"):
                control.open(b.peer, "/nope")
            assert [bytes(peer.id) for peer in control.peers()] == [b.peer]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_disconnect_is_seen_by_both(direction):
    dialer, listener = DIRECTIONS[direction]
    with daemons((dialer,), (listener,)) as (a, b):
        with a.client() as control, b.client() as other:
            control.connect(b.peer, b.addrs)
            assert len(control.peers()) == 1
            assert len(other.peers()) == 1
            control.disconnect(b.peer)
            assert control.peers() == []
            assert other.peers() == []
