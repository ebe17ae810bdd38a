"""hivemind's own P2P class, unmodified, on our daemon and mixed with Go's."""

import asyncio
import contextlib
import os

import pytest
from hivemind.p2p import P2P, P2PDaemonError, P2PHandlerError
from hivemind.proto import test_pb2
from conftest import GO, OURS

PAIRS = {"ours-ours": (OURS, OURS), "ours-go": (OURS, GO), "go-ours": (GO, OURS)}


async def create(executable, **options):
    os.environ["HIVEMIND_P2PD"] = executable
    return await P2P.create(**options)


@contextlib.asynccontextmanager
async def nodes(pair):
    """A server and a client that knows it by its addresses, as hivemind's peers find each other."""
    server = await create(PAIRS[pair][0])
    client = await create(PAIRS[pair][1], initial_peers=await server.get_visible_maddrs())
    try:
        await client.wait_for_at_least_n_peers(1)
        yield server, client
    finally:
        await client.shutdown()
        await server.shutdown()


@pytest.mark.parametrize("pair", PAIRS)
async def test_unary_call(pair):
    async def square(request: test_pb2.TestRequest, context) -> test_pb2.TestResponse:
        assert context.remote_id == client.peer_id
        return test_pb2.TestResponse(number=request.number**2)

    async with nodes(pair) as (server, client):
        await server.add_protobuf_handler("square", square, test_pb2.TestRequest)
        answers = await asyncio.gather(
            *(
                client.call_protobuf_handler(
                    server.peer_id, "square", test_pb2.TestRequest(number=n), test_pb2.TestResponse
                )
                for n in range(100)
            )
        )
        assert [answer.number for answer in answers] == [n**2 for n in range(100)]


@pytest.mark.parametrize("pair", PAIRS)
async def test_unary_error_and_missing_handler(pair):
    async def fail(_request, _context):
        raise ValueError("boom")

    async with nodes(pair) as (server, client):
        await server.add_protobuf_handler("fail", fail, test_pb2.TestRequest)
        with pytest.raises(P2PHandlerError, match="boom"):
            await client.call_protobuf_handler(
                server.peer_id, "fail", test_pb2.TestRequest(number=1), test_pb2.TestResponse
            )
        with pytest.raises(P2PDaemonError, match="protocols not supported"):
            await client.call_protobuf_handler(
                server.peer_id, "missing", test_pb2.TestRequest(number=1), test_pb2.TestResponse
            )


@pytest.mark.parametrize("pair", PAIRS)
async def test_unary_cancellation_reaches_the_handler(pair):
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_request, _context):
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with nodes(pair) as (server, client):
        await server.add_protobuf_handler("wait", wait, test_pb2.TestRequest)
        call = asyncio.create_task(
            client.call_protobuf_handler(
                server.peer_id, "wait", test_pb2.TestRequest(number=1), test_pb2.TestResponse
            )
        )
        await asyncio.wait_for(started.wait(), 10)
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 2)


@pytest.mark.parametrize("pair", PAIRS)
async def test_stream_of_messages_both_ways(pair):
    async def running_sum(requests, _context):
        total = 0
        async for request in requests:
            total += request.number
            yield test_pb2.TestResponse(number=total)

    async def numbers():
        for n in range(50):
            yield test_pb2.TestRequest(number=n)

    async with nodes(pair) as (server, client):
        await server.add_protobuf_handler("sum", running_sum, test_pb2.TestRequest, stream_input=True, stream_output=True)
        answers = await client.iterate_protobuf_handler(server.peer_id, "sum", numbers(), test_pb2.TestResponse)
        assert [answer.number async for answer in answers] == [n * (n + 1) // 2 for n in range(50)]


@pytest.mark.parametrize("pair", PAIRS)
async def test_binary_stream_handler(pair):
    async def upper(_info, reader, writer):
        data = await P2P.receive_raw_data(reader)
        await P2P.send_raw_data(data.upper(), writer)
        writer.close()

    async with nodes(pair) as (server, client):
        await server.add_binary_stream_handler("upper", upper)
        _, reader, writer = await client.call_binary_stream_handler(server.peer_id, "upper")
        await P2P.send_raw_data(b"x" * 300_000, writer)
        assert await P2P.receive_raw_data(reader) == b"X" * 300_000
        writer.close()


async def test_second_client_shares_the_daemon_and_duplicate_handlers_are_refused():
    async def answer(_request, _context):
        return test_pb2.TestResponse(number=1)

    first = await create(OURS)
    second = await P2P.replicate(first.daemon_listen_maddr)
    try:
        assert second.peer_id == first.peer_id
        await first.add_protobuf_handler("answer", answer, test_pb2.TestRequest)
        with pytest.raises(P2PDaemonError, match="handler for protocol answer already set"):
            await second.add_protobuf_handler("answer", answer, test_pb2.TestRequest)
        await second.add_protobuf_handler("other", answer, test_pb2.TestRequest)
    finally:
        await second.shutdown()
        await first.shutdown()


async def test_balanced_handlers_take_turns():
    def counter(counts, index):
        async def handle(_request, _context):
            counts[index] += 1
            return test_pb2.TestResponse(number=index)

        return handle

    counts = [0, 0]
    first = await create(OURS)
    second = await P2P.replicate(first.daemon_listen_maddr)
    client = await create(OURS, initial_peers=await first.get_visible_maddrs())
    try:
        await client.wait_for_at_least_n_peers(1)
        for index, node in enumerate((first, second)):
            await node.add_protobuf_handler("count", counter(counts, index), test_pb2.TestRequest, balanced=True)
        for _ in range(10):
            await client.call_protobuf_handler(
                first.peer_id, "count", test_pb2.TestRequest(number=0), test_pb2.TestResponse
            )
        assert counts == [5, 5]
    finally:
        await client.shutdown()
        await second.shutdown()
        await first.shutdown()


async def test_startup_error_is_reported():
    # Nobody listens on port 1.
    with pytest.raises(P2PDaemonError, match=r"(?i)failed to connect to bootstrap peers"):
        await create(
            OURS,
            initial_peers=["/ip4/127.0.0.1/tcp/1/p2p/12D3KooWRvvLZ9qzUMW9Bk5PGShkUm4bCgjW5n7gBQP6MhKPPEcY"],
        )


async def test_daemon_ends_with_its_last_client():
    node = await create(OURS)
    process = node._child
    # Not by shutdown(), which would send SIGTERM: only the persistent connection goes away.
    node._client.close() if hasattr(node._client, "close") else None
    if hasattr(node._client, "control"):
        node._client.control._write_task.cancel() if node._client.control._write_task else None
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(process.wait(), 5)
    assert process.returncode == 0
    await node.shutdown()
