# SPDX-License-Identifier: BSL-1.0
# Threads, and back into the loop; with coir: 11_threads.cpp.
import asyncio


async def main():
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def compute():
        loop.call_soon_threadsafe(told.set)
        return 6 * 7

    result = await asyncio.to_thread(compute)
    await told.wait()
    print(result)


asyncio.run(main())
