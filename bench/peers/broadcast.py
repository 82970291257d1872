"""A bare server that writes each line it is given to everybody: the limit for a stream."""

import asyncio


class Broadcast:
    def __init__(self) -> None:
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Return the address."""
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0, backlog=2_000)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readline()).strip():
            pass
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        self._writers.append(writer)

    async def say(self, text: bytes) -> None:
        for writer in self._writers:
            writer.write(text)
        await asyncio.gather(*(writer.drain() for writer in self._writers))

    async def stop(self) -> None:
        for writer in self._writers:
            writer.close()
        if self._server is not None:
            self._server.close()
