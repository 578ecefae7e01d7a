"""Files within one folder, and no way out of it.

Every path is walked one step at a time with the folder before it held open, and no step follows a symbolic
link. So neither `..` nor a link leads out, not even one that is put there while the walk is under way.
Only plain files are opened: a pipe or a device would hang or worse.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MAX_FILE_BYTES = 2 * 1024 * 1024
"""A file larger than this is neither read nor written."""

MAX_LISTED = 1_000
"""Names in one listing."""

_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FOLDER = _READ | getattr(os, "O_DIRECTORY", 0)


class PathRefused(Exception):
    """The path leads out of the folder, or to something that is not a plain file; the message says which."""


class Folder:
    """One folder whose files may be read and written. Paths are relative to it; `/` at the front means the
    folder itself, unless the path is its absolute path on this machine. All methods block: call them from
    a thread."""

    def __init__(self, root: str | Path, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        if os.open not in os.supports_dir_fd:
            raise OSError("files in a folder need a POSIX system (openat)")
        self.root = Path(root).resolve()
        if not self.root.is_dir():
            raise NotADirectoryError(f"{str(root)!r} is not a folder")
        self._max_bytes = max_file_bytes

    def read(self, path: str) -> str:
        """The text of a file. Raises PathRefused where it is not there, not plain, not UTF-8 text or too
        large."""
        data = self.read_bytes(path)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise PathRefused(f"{path!r} is not a text file (UTF-8)") from None

    def read_bytes(self, path: str) -> bytes:
        """The bytes of a file. Raises PathRefused as `read` does."""
        with self._parent(path, make=False) as (parent, name), self._told(path):
            descriptor = os.open(name, _READ, dir_fd=parent)
            with os.fdopen(descriptor, "rb") as file:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    raise PathRefused(f"{path!r} is not a plain file")
                if found.st_size > self._max_bytes:
                    raise PathRefused(f"{path!r} has {found.st_size} bytes; at most {self._max_bytes} are read")
                return file.read(self._max_bytes + 1)[: self._max_bytes]

    def write(self, path: str, text: str) -> None:
        """Writes a whole file, making folders on the way. A reader sees the old content or the new one,
        never half.

        Raises PathRefused where the path leads out, is a folder or a link, or the text is too large.
        """
        data = text.encode("utf-8")
        if len(data) > self._max_bytes:
            raise PathRefused(f"the text has {len(data)} bytes; at most {self._max_bytes} are written")
        with self._parent(path, make=True) as (parent, name), self._told(path):
            mode = self._mode_of(parent, name, path)
            draft = f".{name[:200]}.{secrets.token_hex(4)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(draft, flags, mode, dir_fd=parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                os.rename(draft, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                os.unlink(draft, dir_fd=parent)
                raise

    def exists(self, path: str) -> bool:
        """Whether a plain file is there. Raises PathRefused where the path leads out."""
        try:
            with self._parent(path, make=False) as (parent, name):
                return stat.S_ISREG(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
        except (FileNotFoundError, PathNotFound):
            return False

    def is_folder(self, path: str) -> bool:
        """Whether a folder is there. Raises PathRefused where the path leads out."""
        if not self._parts(path):
            return True
        try:
            with self._parent(path, make=False) as (parent, name):
                return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
        except (FileNotFoundError, PathNotFound):
            return False

    def listing(self, path: str = "", pattern: str = "*", *, recursive: bool = False) -> list[str]:
        """What is in a folder: paths relative to the root, in order, folders with a `/` at the end, links
        left out.

        `pattern` is a shell pattern for the last part of the path. Stops after 1,000 names, with a line
        that says so.
        """
        found: list[str] = []
        for name in self._walk(self._parts(path), path, recursive):
            if fnmatch.fnmatchcase(name.rstrip("/").rpartition("/")[2], pattern):
                if len(found) == MAX_LISTED:
                    found.append(f"... and more: only the first {MAX_LISTED} are listed")
                    break
                found.append(name)
        return found

    def _walk(self, parts: list[str], path: str, recursive: bool) -> Iterator[str]:
        with self._open_folder(parts, path) as folder:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            for entry in entries:
                name = "/".join([*parts, entry.name])
                if entry.is_dir(follow_symlinks=False):
                    yield name + "/"
                    if recursive:
                        try:
                            yield from self._walk([*parts, entry.name], name, recursive)
                        except PathRefused:
                            continue  # gone, or not ours to see
                elif entry.is_file(follow_symlinks=False):
                    yield name

    def _parts(self, path: str) -> list[str]:
        if "\0" in path:
            raise PathRefused("a path cannot hold a NUL character")
        absolute = str(self.root)
        if path == absolute or path.startswith(absolute.rstrip("/") + "/"):
            path = path[len(absolute) :]
        parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
        if ".." in parts:
            raise PathRefused(f"{path!r} leads out of the folder; give a path within it")
        return parts

    @contextmanager
    def _parent(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        parts = self._parts(path)
        if not parts:
            raise PathRefused("that is the folder itself; give the path of a file in it")
        with self._open_folder(parts[:-1], path, make=make) as parent:
            yield parent, parts[-1]

    @contextmanager
    def _open_folder(self, parts: list[str], path: str, *, make: bool = False) -> Iterator[int]:
        with self._told(path):
            here = os.open(self.root, _FOLDER)
            try:
                for part in parts:
                    below = self._step(here, part, make)
                    os.close(here)
                    here = below
            except BaseException:
                os.close(here)
                raise
        try:
            yield here
        finally:
            os.close(here)

    @staticmethod
    def _step(here: int, part: str, make: bool) -> int:
        try:
            return os.open(part, _FOLDER, dir_fd=here)
        except FileNotFoundError:
            if not make:
                raise
            with contextlib.suppress(FileExistsError):  # somebody else was quicker
                os.mkdir(part, dir_fd=here)
            return os.open(part, _FOLDER, dir_fd=here)

    @staticmethod
    def _mode_of(parent: int, name: str, path: str) -> int:
        try:
            found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return 0o644
        if not stat.S_ISREG(found.st_mode):
            raise PathRefused(f"{path!r} is not a plain file")
        return found.st_mode & 0o777

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Turns the system's errors into ones that a model can act on, and that do not name places
        outside."""
        try:
            yield
        except FileNotFoundError:
            raise PathNotFound(f"there is no {path!r}") from None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                raise PathRefused(f"{path!r} leads over a link or a file; only plain folders are followed") from None
            raise PathRefused(f"{path!r}: {error.strerror or 'not possible'}") from None


class PathNotFound(PathRefused):
    """Nothing is at that path."""
