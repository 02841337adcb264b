"""Get each URL with aiohttp, over one session: its status, its length and how it begins.

    longhaul run urls.txt --output pages.jsonl --format json --concurrency 100 --pipe=async -- python3 examples/python/fetch.py

It needs aiohttp (apt-get install python3-aiohttp, or pip install aiohttp).
"""

import aiohttp

from longhaul import Transient, idempotency_key, run


async def io_task(url, session):
    async with session.get(url, headers={"Idempotency-Key": idempotency_key()}) as response:
        if response.status == 429 or response.status >= 500:
            after = response.headers.get("Retry-After", "")
            raise Transient("HTTP %d" % response.status, after=int(after) if after.isdigit() else 0)
        response.raise_for_status()
        text = await response.text()
        return {"status": response.status, "length": len(text), "begins": text[:40]}


run(io_task, using=aiohttp.ClientSession, transient=[aiohttp.ClientConnectionError, aiohttp.ClientPayloadError])
