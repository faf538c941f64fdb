# SPDX-License-Identifier: BSL-1.0
# One at a time; with coir: 07_lock.cpp.
import asyncio


async def main():
    lock = asyncio.Lock()

    async def work(number):
        async with lock:
            print(f"{number} in")
            await asyncio.sleep(0.001)
            print(f"{number} out")

    await asyncio.gather(work(1), work(2))


asyncio.run(main())
