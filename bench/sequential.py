# asyncio + aiohttp, a request after the other: arguments INPUT OUTPUT URL.
import asyncio
import sys
import time

import aiohttp


async def main(source, sink, url):
    async with aiohttp.ClientSession() as session:
        for line in source:
            async with session.get(url + line.rstrip("\n")) as response:
                response.raise_for_status()
                sink.write(await response.read())
                sink.write(b"\n")


begun = time.monotonic()
with open(sys.argv[1]) as source, open(sys.argv[2], "wb") as sink:
    asyncio.run(main(source, sink, sys.argv[3]))
print(f"work {time.monotonic() - begun:f}", file=sys.stderr)
