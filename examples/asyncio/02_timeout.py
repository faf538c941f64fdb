# SPDX-License-Identifier: BSL-1.0
# A limit on the time of anything; with coir: 02_timeout.cpp.
import asyncio


async def answer_of():
    return 42


async def main():
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(3600)
    except TimeoutError:
        print("too slow")
    answer = await asyncio.wait_for(asyncio.create_task(answer_of()), 3600)
    print(f"answer {answer}")


asyncio.run(main())
