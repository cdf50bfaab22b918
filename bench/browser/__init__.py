"""The browser's figures of docs/performance.md: Chromium, server and workers on one machine."""
