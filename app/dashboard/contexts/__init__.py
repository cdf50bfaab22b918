"""Typed data of each page: what a template may show, worded and formatted in one place."""
