"""Where a libp2p stream meets a local socket: byte-exact, half-closes kept, nothing lost, nothing unbounded."""

import hashlib
import os
import socket
import struct
import threading

import pytest
from support import (
    MIB,
    OURS,
    Control,
    ControlError,
    Daemon,
    Handler,
    connect_pair,
    echo,
    hash_back,
    pattern,
    read_delimited,
    read_exactly,
    read_to_end,
    send_and_hash,
    wait_for,
)


def test_half_close_lets_the_answer_through(pair):
    a, b = pair
    handler = Handler(b, "/hash-back/1", hash_back)
    data = pattern(8 * MIB)
    with a.client() as control:
        assert send_and_hash(control.open(b.peer, "/hash-back/1"), data) == hashlib.sha256(data).digest()
    assert not handler.errors


def test_half_close_by_the_handler_lets_the_opener_go_on(pair):
    a, b = pair
    received = []

    def close_first(sock, _info):
        sock.sendall(b"bye")
        sock.shutdown(socket.SHUT_WR)
        received.append(read_to_end(sock))

    Handler(b, "/close-first/1", close_first)
    with a.client() as control:
        stream = control.open(b.peer, "/close-first/1")
        assert read_to_end(stream) == b"bye"
        stream.sendall(b"still here")
        stream.shutdown(socket.SHUT_WR)
        wait_for(lambda: received == [b"still here"], what="the handler reads what came after its own end")


def test_bytes_sent_together_with_the_request_are_delivered(pair):
    a, b = pair
    Handler(b, "/echo-test/1", echo)
    with a.client() as control:
        stream = control.open(b.peer, "/echo-test/1", early=b"early bytes")
        assert read_exactly(stream, 11) == b"early bytes"


def test_request_bytes_and_end_in_one_write(pair):
    a, b = pair
    Handler(b, "/hash-back/1", hash_back)
    with a.client() as control:
        control.sock.sendall(control.stream_request(b.peer, "/hash-back/1") + b"all of it")
        control.sock.shutdown(socket.SHUT_WR)
        read_delimited(control.sock)
        assert read_to_end(control.sock) == hashlib.sha256(b"all of it").digest()


def test_a_handler_that_dies_mid_stream_is_a_clean_end_for_the_opener(pair):
    a, b = pair

    def die(sock, _info):
        sock.recv(1)
        # Unread bytes in the socket turn this close into a reset.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    Handler(b, "/die/1", die)
    with a.client() as control:
        stream = control.open(b.peer, "/die/1")
        stream.sendall(b"x" * 100_000)
        assert read_to_end(stream) == b""


def test_a_handler_that_is_gone_is_an_end_first_and_unknown_then(pair):
    a, b = pair
    handler = Handler(b, "/gone/1", echo)
    handler.close()
    with a.client() as control:
        assert read_to_end(control.open(b.peer, "/gone/1")) == b""
    with a.client() as control, pytest.raises(ControlError, match="protocols not supported"):
        control.open(b.peer, "/gone/1")


def test_a_full_backlog_is_waited_for(pair):
    a, b = pair
    path = os.path.join(b.directory, "slow.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(1)
    with b.client() as control:
        control.handle("/slow/1", path)
    streams = []
    for index in range(20):
        control = a.client()
        stream = control.open(b.peer, "/slow/1")
        stream.sendall(struct.pack(">I", index))
        streams.append(stream)
    seen = set()
    listener.settimeout(20)
    for _ in range(20):
        connection, _address = listener.accept()
        read_delimited(connection)
        seen.add(struct.unpack(">I", read_exactly(connection, 4))[0])
        connection.close()
    assert seen == set(range(20))


def test_a_reader_that_stops_costs_bounded_memory_and_loses_nothing(pair):
    a, b = pair
    go_on = threading.Event()
    digests = []

    def stop_then_read(sock, _info):
        assert go_on.wait(60)
        digest = hashlib.sha256()
        while chunk := sock.recv(1 << 18):
            digest.update(chunk)
        digests.append(digest.digest())

    Handler(b, "/stop/1", stop_then_read)
    before = a.rss_kib(), b.rss_kib()
    data = pattern(64 * MIB)
    sent = 0
    with a.client() as control:
        stream = control.open(b.peer, "/stop/1")
        stream.settimeout(2)
        with pytest.raises(TimeoutError):
            while True:
                sent += stream.send(data[sent : sent + 65536])
        assert sent < 8 * MIB, "nothing holds the writer back"
        grown = a.rss_kib() - before[0], b.rss_kib() - before[1]
        assert max(grown) < 20 * 1024, f"memory grew by {grown} KiB"
        # Others are served meanwhile.
        assert a.client().identify().id == a.peer
        go_on.set()
        stream.settimeout(60)
        stream.sendall(data[sent:])
        stream.shutdown(socket.SHUT_WR)
        wait_for(lambda: digests, 60, "the reader reads to the end")
    assert digests == [hashlib.sha256(data).digest()]


def test_nine_hundred_streams_live_at_once_and_leave_nothing_behind(pair):
    a, b = pair
    Handler(b, "/echo-test/1", echo, backlog=2048)
    descriptors = a.descriptors(), b.descriptors()
    streams = []
    for _ in range(900):
        control = a.client()
        streams.append(control.open(b.peer, "/echo-test/1"))
    for index, stream in enumerate(streams):
        stream.sendall(struct.pack(">I", index))
    for index, stream in enumerate(streams):
        assert read_exactly(stream, 4) == struct.pack(">I", index)
    for stream in streams:
        stream.close()
    # The control connection of the first lines may still have been closing when they were counted.
    wait_for(
        lambda: a.descriptors() <= descriptors[0] and b.descriptors() <= descriptors[1],
        20,
        "descriptors are given back",
    )


def test_a_peer_that_opens_ten_thousand_streams_harms_nobody():
    with Daemon(OURS) as a, Daemon(OURS) as b, Daemon(OURS) as c:
        Handler(b, "/echo-test/1", echo)
        # A handler that never accepts: its streams stay open until their limit refuses more.
        path = os.path.join(b.directory, "never.sock")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(0)
        with b.client() as control:
            control.handle("/never/1", path)
        connect_pair(a, b)
        request = None
        streams = []
        for _ in range(10_000):
            control = Control(a.control, timeout=30)
            request = request or control.stream_request(b.peer, "/never/1", timeout=10)
            control.sock.sendall(request)
            streams.append(control)
            if len(streams) == 500:
                for one in streams:
                    one.close()
                streams.clear()
        assert b.process.poll() is None and a.process.poll() is None
        assert b.rss_kib() < 200 * 1024
        connect_pair(c, b)
        with c.client() as control:
            assert send_and_hash(control.open(b.peer, "/echo-test/1"), b"hello") == b"hello"


def test_balanced_handlers_take_turns_and_a_dead_one_is_skipped(pair):
    a, b = pair
    answers = [Handler(b, "/who/1", lambda sock, _info, n=n: sock.sendall(b"%d" % n), balanced=True) for n in range(2)]

    def ask():
        with a.client() as control:
            return read_to_end(control.open(b.peer, "/who/1"))

    assert [ask() for _ in range(4)] == [b"0", b"1", b"0", b"1"]
    answers[0].close()
    assert [ask() for _ in range(4)] == [b"1"] * 4
