# SPDX-License-Identifier: BSL-1.0
# Several things at once; with coir: 01_gather.cpp.
import asyncio


async def price_of(what, price, delay):
    await asyncio.sleep(delay)
    print(f"{what} costs {price}")
    return price


async def main():
    tea, cake = await asyncio.gather(price_of("tea", 3, 0.02), price_of("cake", 4, 0.005))
    print(f"together {tea + cake}")


asyncio.run(main())
