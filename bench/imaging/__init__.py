"""The figures of docs/performance.md: what the imaging pipeline finds, judges, costs and needs."""
