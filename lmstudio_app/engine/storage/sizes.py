"""Byte counts in words."""

from __future__ import annotations


def describe_bytes(size: float) -> str:
    """`size` in the largest fitting decimal unit: "0 bytes", "3.2 MB", "128 GB"."""
    if size < 1000:
        return f"{int(size)} bytes" if size != 1 else "1 byte"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"
    return f"{size / 1000:.1f} TB"
