"""Bad input of every kind gets one clear error, and nobody else notices."""

import os
import signal
import socket
import subprocess
import tempfile

import pytest
from p2pclient.pb import p2pd_pb2 as pb
from support import GO, MIB, OURS, Control, Daemon, Handler, connect_pair, delimited, echo, encode_varint, read_exactly, wait_for


def run(*arguments, executable=OURS):
    return subprocess.run([executable, *arguments], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


def last_line(text):
    return text.strip().splitlines()[-1]


@pytest.fixture
def listen(tmp_path):
    return f"-listen=/unix{tmp_path}/control.sock"


def test_unknown_flag():
    result = run("-nope")
    assert result.returncode == 2
    assert result.stderr.startswith("flag provided but not defined: -nope\n")
    assert "Usage of" in result.stderr


@pytest.mark.parametrize("flag", ["-h", "-help", "--help"])
def test_help(flag):
    result = run(flag)
    assert (result.returncode, result.stdout) == (0, "")
    assert "Usage of" in result.stderr


@pytest.mark.parametrize(
    "flag", ["-connGrace=120", "-connLo=many", "-dht=maybe", "-listen"], ids=["no unit", "no number", "no bool", "no value"]
)
def test_flag_with_a_bad_value(flag):
    assert run(flag).returncode == 2


def test_unreadable_identity(listen, tmp_path):
    result = run(listen, f"-id={tmp_path}/none")
    assert result.returncode == 1
    assert f"{tmp_path}/none" in last_line(result.stderr)


def test_damaged_identity(listen, tmp_path):
    (tmp_path / "id").write_bytes(b"not a key")
    result = run(listen, f"-id={tmp_path}/id")
    assert result.returncode == 1
    assert f"{tmp_path}/id" in last_line(result.stderr)
    assert (tmp_path / "id").read_bytes() == b"not a key"


def test_port_taken(listen):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run(listen, f"-hostAddrs=/ip4/127.0.0.1/tcp/{port}")
    assert result.returncode == 1
    assert str(port) in last_line(result.stderr)


def test_one_good_address_is_enough():
    with Daemon(OURS, host="/ip4/127.0.0.1/udp/0/quic,/ip4/127.0.0.1/tcp/0") as daemon:
        assert len(daemon.addrs) == 1


def test_socket_of_a_running_daemon_is_left_alone(ours):
    result = run(f"-listen=/unix{ours.control}")
    assert result.returncode == 1
    assert ours.control in last_line(result.stderr) and "in use" in last_line(result.stderr)
    assert ours.client().identify().id == ours.peer


def test_stale_socket_is_taken_over():
    first = Daemon(OURS)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    assert os.path.exists(first.control)
    second = subprocess.Popen([OURS, f"-listen=/unix{first.control}"], stdout=subprocess.PIPE, text=True)
    try:
        assert second.stdout.readline() == f"Control socket: /unix{first.control}\n"
        wait_for(lambda: Control(first.control).identify().id, what="the new daemon answers")
    finally:
        second.terminate()
        second.wait(10)
        first.close()


def test_a_file_that_is_no_socket_is_not_removed(tmp_path):
    (tmp_path / "control.sock").write_text("precious")
    result = run(f"-listen=/unix{tmp_path}/control.sock")
    assert result.returncode == 1
    assert (tmp_path / "control.sock").read_text() == "precious"


def test_no_security_left(listen):
    result = run(listen, "-noise=false", "-tls=false")
    assert result.returncode == 1
    assert last_line(result.stderr).endswith("at least one channel security protocol must be enabled")


MALFORMED = {
    "not protobuf": encode_varint(5) + b"\xff\xff\xff\xff\xff",
    "no type": encode_varint(2) + b"\x12\x00",
    "unknown type": encode_varint(2) + b"\x08\x63",
    "empty": b"\x00",
    "endless varint": b"\xff" * 11,
    "cut short": encode_varint(100) + b"\x08\x00",
    "over 4 MiB": encode_varint(4 * MIB + 1) + b"\x08\x00",
    "4 GiB": encode_varint(1 << 32),
    "nested garbage": encode_varint(6) + b"\x08\x01\x12\x02\xff\xff",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_control_message(ours, kind):
    other = ours.client()
    with ours.client() as control:
        control.sock.sendall(MALFORMED[kind])
        control.sock.shutdown(socket.SHUT_WR)
        control.sock.settimeout(5)
        while control.sock.recv(4096):
            pass
    assert other.identify().id == ours.peer


def test_missing_parameters_keep_the_connection(ours):
    with ours.client() as control:
        for kind in (pb.Request.CONNECT, pb.Request.STREAM_OPEN, pb.Request.STREAM_HANDLER, pb.Request.DISCONNECT):
            with pytest.raises(Exception, match="Malformed request; missing parameters"):
                control.call(pb.Request(type=kind))
        assert control.identify().id == ours.peer


def test_largest_message_is_taken(ours):
    with ours.client() as control:
        # An unknown field of nearly 4 MiB is skipped.
        body = b"\x08\x00" + b"\xfa\x7f" + encode_varint(4 * MIB - 8) + bytes(4 * MIB - 8)
        control.sock.sendall(encode_varint(len(body)) + body)
        response = pb.Response()
        length = shift = 0
        while True:
            byte = read_exactly(control.sock, 1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        response.ParseFromString(read_exactly(control.sock, length))
        assert response.identify.id == ours.peer


def test_a_client_that_never_reads_is_bounded_and_alone(ours):
    before = ours.rss_kib()
    flood = Control(ours.control)
    flood.sock.settimeout(1)
    request = delimited(pb.Request(type=pb.Request.IDENTIFY)) * 1000
    sent = 0
    try:
        while sent < 64 * MIB:
            sent += flood.sock.send(request)
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    assert sent < 64 * MIB
    assert ours.rss_kib() - before < 16 * 1024
    assert ours.client().identify().id == ours.peer


def test_peers_that_stall_in_the_handshake_keep_nobody_out(pair):
    a, b = pair
    Handler(b, "/echo-test/1", echo)
    from multiaddr import Multiaddr

    port = int(Multiaddr(b.addrs[0]).value_for_protocol("tcp"))
    stalled = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    for one in stalled[:100]:
        one.sendall(b"\x13/multistream/1.0.0\n\x07/noise\n")
    with Daemon(OURS) as c:
        wait_for(lambda: try_connect(c, b), 20, "a third peer gets in")
    with a.client() as control:
        stream = control.open(b.peer, "/echo-test/1")
        stream.sendall(b"hi")
        assert read_exactly(stream, 2) == b"hi"
    for one in stalled:
        one.close()


def try_connect(a, b):
    try:
        connect_pair(a, b)
    except Exception:  # noqa: BLE001
        return False
    return True


def test_garbage_on_the_swarm_port_harms_nobody(pair):
    a, b = pair
    from multiaddr import Multiaddr

    port = int(Multiaddr(b.addrs[0]).value_for_protocol("tcp"))
    for size in (1, 100, 100_000):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            try:
                sock.sendall(os.urandom(size))
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(4096):
                    pass
            except OSError:
                pass  # hung up on, as it should be
    with a.client() as control:
        assert [bytes(peer.id) for peer in control.peers()] == [b.peer]


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals_end_it_in_order(number, code):
    with Daemon(OURS) as daemon:
        daemon.process.send_signal(number)
        assert daemon.process.wait(10) in (code, -number)
        assert not os.path.exists(daemon.control)


def test_same_identity_same_peer(tmp_path):
    from support import CTL

    subprocess.run([CTL, "key", "generate", str(tmp_path / "id")], check=True, capture_output=True)
    peers = []
    for executable in (OURS, OURS, GO):
        with Daemon(executable, f"-id={tmp_path / 'id'}") as daemon:
            peers.append(daemon.peer)
    assert len(set(peers)) == 1
