# SPDX-License-Identifier: BSL-1.0
# A starting gun; with coir: 09_event.cpp.
import asyncio


async def main():
    start = asyncio.Event()

    async def run(number):
        await start.wait()
        print(f"runner {number}")

    first = asyncio.create_task(run(1))
    second = asyncio.create_task(run(2))
    await asyncio.sleep(0)
    print("go")
    start.set()
    await first
    await second


asyncio.run(main())
