# SPDX-License-Identifier: BSL-1.0
# A server and its client; with coir: 10_echo.cpp.
import asyncio


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    await writer.drain()
    print((await reader.readline()).decode(), end="")
    writer.close()
    await writer.wait_closed()
    server.close()


asyncio.run(main())
