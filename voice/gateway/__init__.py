"""Doors: one file or folder a protocol."""
