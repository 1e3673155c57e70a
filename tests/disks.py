"""A small disk for tests that fill it: a tmpfs, where this machine lets one be mounted."""

import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk(folder, kib=512):
    """`folder` (made) as a disk of so many KiB; a skip names what does not let it be mounted."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"mount: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder, leave=0):
    """Fill a small disk, but for `leave` bytes; the file that does."""
    path = folder / "fill"
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))
    return path


def protect(folder, on=True):
    """Make a small disk one that can only be read, or no longer."""
    subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", str(folder)], check=True)
