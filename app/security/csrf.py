"""Where a browser's changing request came from: our own pages, or somebody else's."""

from typing import Final

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def is_same_origin(
    *, sec_fetch_site: str | None, origin: str | None, own_origins: frozenset[str]
) -> bool:
    """Fetch metadata decides where the browser sends it, else the Origin header; neither: no."""
    if sec_fetch_site is not None:
        return sec_fetch_site == "same-origin"
    return origin in own_origins
