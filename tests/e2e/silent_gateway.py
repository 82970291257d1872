"""The gateway that publishes and never answers: a kill then always falls between the two."""

import asyncio

import services.commands.service
from schemas.base import Command
from services.cli import main
from services.cluster.gateway import Gateway


class SilentGateway(Gateway):
    async def publish(self, command: Command, shown: int, wait_s: float) -> bool:
        await super().publish(command, shown, 0.0)
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


if __name__ == "__main__":
    services.commands.service.Gateway = SilentGateway  # type: ignore[misc]
    main()
