# SPDX-License-Identifier: BSL-1.0
# Futures and callbacks; with coir: 12_future.cpp.
import asyncio


async def main():
    loop = asyncio.get_running_loop()
    answer = loop.create_future()
    loop.call_soon(print, "soon")
    loop.call_later(0.005, answer.set_result, 42)
    print(f"answer {await answer}")


asyncio.run(main())
