# asyncio + aiohttp, ordered and bounded: arguments INPUT OUTPUT URL IN_FLIGHT.
import asyncio
import sys
import time

import aiohttp


async def main(source, sink, url, in_flight):
    slots = asyncio.Semaphore(in_flight)
    ordered = asyncio.Queue(4 * in_flight)

    async def fetch(session, record):
        try:
            async with session.get(url + record) as response:
                response.raise_for_status()
                return await response.read()
        finally:
            slots.release()

    async def send(session):
        for line in source:
            await slots.acquire()
            await ordered.put(asyncio.create_task(fetch(session, line.rstrip("\n"))))
        await ordered.put(None)

    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=in_flight),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        sender = asyncio.create_task(send(session))
        while (answer := await ordered.get()) is not None:
            sink.write(await answer)
            sink.write(b"\n")
        await sender


begun = time.monotonic()
with open(sys.argv[1]) as source, open(sys.argv[2], "wb", buffering=1 << 20) as sink:
    asyncio.run(main(source, sink, sys.argv[3], int(sys.argv[4])))
print(f"work {time.monotonic() - begun:f}", file=sys.stderr)
