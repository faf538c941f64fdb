# SPDX-License-Identifier: BSL-1.0
"""asyncio, and with `--loop uvloop` uvloop: a protocol, which is what both are fastest with.

Both switch TCP_NODELAY on by themselves.
"""
import asyncio
import platform
import resource
import sys


def refuse(text):
    print(f"peer-asyncio: {text}", file=sys.stderr)
    sys.exit(2)


def parse(words):
    """The module of the loop, and whether its version is asked for."""
    loop = "asyncio"
    version = False
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--version":
            version = True
        elif word == "--loop":
            loop = words.pop(0) if words else refuse("--loop needs a value")
            if loop not in ("asyncio", "uvloop"):
                refuse(f"--loop: asyncio or uvloop, got {loop}")
        else:
            refuse(f"unknown option {word}")
    return loop, version


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    # The client does not read: what it sends must not pile up here.
    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()

    # eof_received() returns None: the transport writes what is left and closes.


def watch_input(loop, ended):
    def on_input():
        if not sys.stdin.buffer.raw.read(256):
            loop.remove_reader(0)
            ended.set_result(None)

    try:
        loop.add_reader(0, on_input)
    except OSError:  # a file cannot be polled: it is as good as at its end
        ended.set_result(None)


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = loop.create_future()
    watch_input(loop, ended)
    await ended


def main():
    name, version = parse(sys.argv[1:])
    if name == "uvloop":
        try:
            import uvloop
        except ImportError as error:
            print(f"peer-asyncio: {error}", file=sys.stderr)
            sys.exit(1)
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if version:
        print(uvloop.__version__ if name == "uvloop" else platform.python_version())
        return
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))
    asyncio.run(serve())


if __name__ == "__main__":
    main()
