"""Bodies under way share a fixed amount of memory: who finds none waits, then is sent away."""

import asyncio

import pytest

from app.domain.errors import Unavailable
from app.web.body import BufferSpace


def test_who_waits_gets_what_another_gives_back() -> None:
    async def scenario() -> None:
        space = BufferSpace(100)
        await space.take(80)
        waiting = asyncio.create_task(space.take(50))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        space.give_back(80)
        await asyncio.wait_for(waiting, 2)

    asyncio.run(scenario())


def test_patience_ends() -> None:
    async def scenario() -> None:
        space = BufferSpace(100)
        await space.take(80)
        await space.take(50, patience_seconds=0)

    with pytest.raises(Unavailable, match="busy"):
        asyncio.run(scenario())
