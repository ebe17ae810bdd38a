"""What a person sees when the daemon starts, and how it compares with Go's in the same run."""

import re
import statistics
import subprocess
import time

from support import GO, OURS, Control, Daemon


def test_start_up_lines():
    with Daemon(OURS) as daemon:
        lines = daemon.stdout.splitlines()
        assert lines[0] == f"Control socket: /unix{daemon.control}"
        assert re.fullmatch(r"Peer ID: (12D3KooW|Qm)\w+", lines[1])
        assert lines[2] == "Peer Addrs:"
        assert re.fullmatch(r"/ip4/127\.0\.0\.1/tcp/\d+", lines[3])
        assert len(lines) == 4


def test_quiet_prints_nothing(tmp_path):
    path = tmp_path / "control.sock"
    process = subprocess.Popen([OURS, "-q", f"-listen=/unix{path}"], stdout=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert Control(str(path)).identify().id
    finally:
        process.terminate()
        assert process.communicate()[0] == ""


def test_tcp_control_socket_prints_the_bound_port(tmp_path):
    process = subprocess.Popen([OURS, "-listen=/ip4/127.0.0.1/tcp/0"], stdout=subprocess.PIPE, text=True)
    try:
        assert re.fullmatch(r"Control socket: /ip4/127\.0\.0\.1/tcp/[1-9]\d*\n", process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def start_seconds(executable):
    start = time.perf_counter()
    with Daemon(executable):
        return time.perf_counter() - start


def test_starts_in_a_third_of_gos_time_and_a_third_of_its_memory():
    """The absolute figures are `make bench`'s; a ratio holds on a busy machine too."""
    times = {executable: [] for executable in (OURS, GO)}
    for _ in range(5):
        for executable in times:
            times[executable].append(start_seconds(executable))
    assert statistics.median(times[OURS]) < statistics.median(times[GO]) / 3
    with Daemon(OURS) as ours, Daemon(GO) as go:
        time.sleep(0.5)
        assert ours.rss_kib() < 20 * 1024
        assert ours.rss_kib() < go.rss_kib() / 2
