# SPDX-License-Identifier: BSL-1.0
# Cancellation, and cleaning up; with coir: 04_cancellation.cpp.
import asyncio


async def work():
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaned up")


async def main():
    worker = asyncio.create_task(work())
    await asyncio.sleep(0)
    worker.cancel()
    try:
        await worker
    except asyncio.CancelledError:
        print("cancelled")


asyncio.run(main())
