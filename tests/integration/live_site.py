"""The site's application on a real socket, for tests of what only a network does."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.integration.conftest import Site

START_SECONDS = 20.0


@contextmanager
def served(site: Site) -> Iterator[str]:
    """Serve it until the block ends; its address. Its lifespan is the site's own."""
    config = uvicorn.Config(site.app, port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    try:
        (socket,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
