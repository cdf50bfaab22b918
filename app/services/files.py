"""The file store as doors know it: something they hold and hand to services."""

from app.storage import Store

__all__ = ["Store"]
