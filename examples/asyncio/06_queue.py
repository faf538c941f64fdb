# SPDX-License-Identifier: BSL-1.0
# Workers on a queue; with coir: 06_queue.cpp.
import asyncio


async def main():
    queue = asyncio.Queue(2)
    total = 0

    async def work():
        nonlocal total
        while True:
            total += await queue.get()
            queue.task_done()

    worker = asyncio.create_task(work())
    for i in range(1, 11):
        await queue.put(i)
    await queue.join()
    worker.cancel()
    print(f"sum {total}")


asyncio.run(main())
