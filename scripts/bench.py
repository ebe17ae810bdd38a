"""Measures our daemon and Go's p2pd in turn, in one run, and prints medians and their ratio.

    .venv-clients/bin/python scripts/bench.py [--rounds N] [--mib N]

Start-up is from exec to the first answer to IDENTIFY on the control socket; idle memory is VmRSS one second later. The stream
figures run two daemons of one kind on loopback, a program on either side.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests/InteropTests/clients"))

from support import GO, MIB, OURS, Daemon, Handler, connect_pair, echo, read_exactly  # noqa: E402
from p2pclient.pb import p2pd_pb2 as pb  # noqa: E402
from support import delimited, read_delimited  # noqa: E402

IDENTIFY = delimited(pb.Request(type=pb.Request.IDENTIFY))


def start_up(executable):
    """Milliseconds to the first answer, MiB of idle memory, descriptors."""
    directory = tempfile.mkdtemp(prefix="p2pd-bench-")
    path = os.path.join(directory, "c.sock")
    start = time.perf_counter()
    process = subprocess.Popen(
        [executable, f"-listen=/unix{path}", "-hostAddrs=/ip4/127.0.0.1/tcp/0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            with socket.socket(socket.AF_UNIX) as sock:
                try:
                    sock.connect(path)
                except OSError:
                    time.sleep(0.0002)
                    continue
                sock.sendall(IDENTIFY)
                read_delimited(sock)
                break
        elapsed = (time.perf_counter() - start) * 1000
        time.sleep(1)
        rss = next(
            int(line.split()[1]) / 1024
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if line.startswith("VmRSS:")
        )
        return elapsed, rss
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(*daemons):
    total = 0
    for daemon in daemons:
        fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def sink(sock, _info):
    left = int.from_bytes(read_exactly(sock, 8), "big")
    buffer = bytearray(1 << 18)
    while left:
        count = sock.recv_into(buffer)
        if not count:
            return
        left -= count
    sock.sendall(b"k")
    sock.recv(1)


def streams(executable, flag, mib):
    """MiB/s, CPU s/GiB of both daemons, round trip µs, STREAM_OPEN to echo µs, streams/s."""
    with Daemon(executable, flag) as a, Daemon(executable, flag) as b:
        Handler(b, "/sink/1", sink, balanced=False)
        Handler(b, "/echo-bench/1", echo, balanced=False)
        connect_pair(a, b)
        chunk = bytes(1 << 18)
        cpu = cpu_seconds(a, b)
        start = time.perf_counter()
        with a.client() as control:
            stream = control.open(b.peer, "/sink/1")
            stream.sendall((mib * MIB).to_bytes(8, "big"))
            for _ in range(mib * MIB // len(chunk)):
                stream.sendall(chunk)
            read_exactly(stream, 1)
        rate = mib / (time.perf_counter() - start)
        cpu = (cpu_seconds(a, b) - cpu) * 1024 / mib
        with a.client() as control:
            stream = control.open(b.peer, "/echo-bench/1")
            trips = []
            for _ in range(500):
                start = time.perf_counter()
                stream.sendall(bytes(64))
                read_exactly(stream, 64)
                trips.append((time.perf_counter() - start) * 1e6)
        opens = []
        for _ in range(200):
            control = a.client()
            start = time.perf_counter()
            stream = control.open(b.peer, "/echo-bench/1")
            stream.sendall(b"x")
            read_exactly(stream, 1)
            opens.append((time.perf_counter() - start) * 1e6)
            control.close()
        return rate, cpu, statistics.median(trips), statistics.median(opens)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=512)
    arguments = parser.parse_args()
    figures = {}

    def note(name, kind, value):
        figures.setdefault(name, {}).setdefault(kind, []).append(value)

    for _ in range(arguments.rounds):
        for kind, executable in (("p2pd", OURS), ("go", GO)):
            elapsed, rss = start_up(executable)
            note("start to first answer, ms", kind, elapsed)
            note("idle memory, MiB", kind, rss)
            for security, flag in (("TLS", "-noise=false"), ("Noise", "-tls=false")):
                rate, cpu, trip, opened = streams(executable, flag, arguments.mib)
                note(f"{security}: one stream, MiB/s", kind, rate)
                note(f"{security}: CPU of both daemons, s/GiB", kind, cpu)
                note(f"{security}: round trip of 64 bytes, µs", kind, trip)
                note(f"{security}: STREAM_OPEN to first echo, µs", kind, opened)

    print(f"{'median of ' + str(arguments.rounds) + ' rounds':44} {'p2pd':>9} {'Go p2pd':>9} {'ratio':>7}   ratio min…max")
    for name, kinds in figures.items():
        ours, go = kinds["p2pd"], kinds["go"]
        ratios = [a / b for a, b in zip(ours, go)]
        print(
            f"{name:44} {statistics.median(ours):9.1f} {statistics.median(go):9.1f} "
            f"{statistics.median(ratios):6.2f}×   {min(ratios):.2f}…{max(ratios):.2f}"
        )


main()
