# SPDX-License-Identifier: BSL-1.0
# A group whose child fails; with coir: 03_task_group.cpp.
import asyncio


async def patient():
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("the sibling is cancelled")
        raise


async def failing():
    raise LookupError("no such thing")


async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(patient())
            group.create_task(failing())
    except ExceptionGroup as errors:
        print(f"errors: {len(errors.exceptions)}")


asyncio.run(main())
