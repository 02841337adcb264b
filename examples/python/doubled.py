"""The seed program: each number takes a second, and is doubled.

    longhaul run numbers.txt --output doubled.txt --pipe=async -- python3 examples/python/doubled.py
"""

import asyncio

from longhaul import run


async def io_task(x):
    await asyncio.sleep(1)
    return int(x) * 2


run(io_task)
