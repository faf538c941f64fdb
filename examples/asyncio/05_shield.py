# SPDX-License-Identifier: BSL-1.0
# What must not be cancelled; with coir: 05_shield.cpp.
import asyncio


async def save():
    await asyncio.sleep(0.01)
    print("saved")


async def call(saving):
    await asyncio.shield(saving)


async def main():
    saving = asyncio.create_task(save())
    caller = asyncio.create_task(call(saving))
    await asyncio.sleep(0)
    caller.cancel()
    try:
        await caller
    except asyncio.CancelledError:
        print("the caller is gone")
    await saving


asyncio.run(main())
