# SPDX-License-Identifier: BSL-1.0
# Waiting for a state; with coir: 08_condition.cpp.
import asyncio


async def main():
    changed = asyncio.Condition()
    stock = 0

    async def buy():
        async with changed:
            await changed.wait_for(lambda: stock >= 3)
            print(f"bought {stock}")

    buyer = asyncio.create_task(buy())
    for _ in range(3):
        async with changed:
            stock += 1
            changed.notify_all()
    await buyer


asyncio.run(main())
