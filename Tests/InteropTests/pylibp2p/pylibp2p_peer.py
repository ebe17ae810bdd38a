"""A py-libp2p host as a peer: `pylibp2p_peer.py listen|dial SECURITY [MULTIADDR]`. Run with .venv-pylibp2p.

listen: prints its address, answers `/hash/1` (8-byte length, then data → SHA-256) until stdin ends.
dial: connects to MULTIADDR, sends 4 MiB over `/hash/1`, prints "ok" when the answer is their hash.
"""

import hashlib
import struct
import sys

import multiaddr
import trio
from libp2p import create_yamux_muxer_option, new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.x25519 import create_new_key_pair as create_new_x25519_key_pair
from libp2p.custom_types import TProtocol
from libp2p.peer.peerinfo import info_from_p2p_addr
from libp2p.security.noise.transport import PROTOCOL_ID as NOISE, Transport as NoiseTransport
from libp2p.security.tls.transport import PROTOCOL_ID as TLS, TLSTransport

PROTOCOL = TProtocol("/hash/1")
SIZE = 4 << 20
CHUNK = 1 << 14


def make_host(security):
    keys = create_new_key_pair()
    if security == "noise":
        options = {NOISE: NoiseTransport(libp2p_keypair=keys, noise_privkey=create_new_x25519_key_pair().private_key)}
    else:
        options = {TLS: TLSTransport(libp2p_keypair=keys)}
    return new_host(key_pair=keys, sec_opt=options, muxer_opt=create_yamux_muxer_option())


async def read_exactly(stream, count):
    data = bytearray()
    while len(data) < count:
        chunk = await stream.read(min(CHUNK, count - len(data)))
        if not chunk:
            raise EOFError(f"{len(data)} of {count} bytes")
        data += chunk
    return bytes(data)


async def answer(stream):
    (size,) = struct.unpack(">Q", await read_exactly(stream, 8))
    await stream.write(hashlib.sha256(await read_exactly(stream, size)).digest())
    await stream.close()


async def main():
    role, security = sys.argv[1], sys.argv[2]
    host = make_host(security)
    async with host.run(listen_addrs=[multiaddr.Multiaddr("/ip4/127.0.0.1/tcp/0")]), trio.open_nursery() as nursery:
        if role == "listen":
            host.set_stream_handler(PROTOCOL, answer)
            addresses = [a for a in host.get_addrs() if "/tcp/" in str(a)]
            print(addresses[0], flush=True)
            await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)
        else:
            info = info_from_p2p_addr(multiaddr.Multiaddr(sys.argv[3]))
            await host.connect(info)
            stream = await host.new_stream(info.peer_id, [PROTOCOL])
            data = bytes(range(256)) * (SIZE // 256)
            await stream.write(struct.pack(">Q", SIZE))
            for start in range(0, SIZE, CHUNK):
                await stream.write(data[start : start + CHUNK])
            assert await read_exactly(stream, 32) == hashlib.sha256(data).digest()
            print("ok", flush=True)
        nursery.cancel_scope.cancel()


trio.run(main)
