"""The last step of the demo: p2pclient 0.3.0, as its users write it. demo_client.py ALICE_SOCKET BOB_SOCKET BOB_ID"""

import sys

import anyio
from multiaddr import Multiaddr
from p2pclient import Client
from p2pclient.libp2p_stubs.peer.id import ID

PROTOCOL = "/demo/upper/1"


async def main():
    alice_socket, bob_socket, bob_id = sys.argv[1:]
    folder = alice_socket.rsplit("/", 1)[0]
    alice = Client(Multiaddr(f"/unix{alice_socket}"), Multiaddr(f"/unix{folder}/alice-client.sock"))
    bob = Client(Multiaddr(f"/unix{bob_socket}"), Multiaddr(f"/unix{folder}/bob-client.sock"))

    async def upper(_info, stream):
        await stream.send((await stream.receive()).upper())
        await stream.aclose()

    async with alice.listen(), bob.listen():
        await bob.stream_handler(PROTOCOL, upper)
        _, stream = await alice.stream_open(ID.from_base58(bob_id), (PROTOCOL,))
        await stream.send(b"hello from alice")
        print("request:  hello from alice")
        print("response:", (await stream.receive()).decode())
        await stream.aclose()


anyio.run(main)
