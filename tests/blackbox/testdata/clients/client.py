"""python3 client.py URL [CA]: what a client of HTTP/2 does, by httpx, which has HTTP/2 of h2."""

import asyncio
import ssl
import sys

import httpx


async def main(base, roots=None):
    verify = ssl.create_default_context(cafile=roots) if roots else False
    async with httpx.AsyncClient(base_url=base, http1=roots is not None, http2=True, verify=verify) as client:
        body = b"0123456789" * 100000
        echo = await client.post("/body", content=body)
        file = await client.get("/file")
        texts = await asyncio.gather(*(client.get("/") for _ in range(100)))
        for response in (echo, file, *texts):
            response.raise_for_status()
        print(echo.http_version, echo.content == body, len(file.content), len({text.text for text in texts}), texts[0].text)


asyncio.run(main(*sys.argv[1:]))
