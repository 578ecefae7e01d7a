"""Reading and writing text files within one folder, as tools.

toolkit = Toolkit(FileTools("/srv/notes").tools())
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..base import ToolError, ToolFlags, tool
from .folder import MAX_FILE_BYTES, Folder, PathRefused

_READS = ToolFlags(read_only=True)
_WRITES = ToolFlags()


class FileTools:
    """File tools that cannot leave their folder: `..`, absolute paths and symbolic links are refused.

    `writable=False` leaves out the tools that change files. Raises NotADirectoryError where there is no
    such folder.
    """

    def __init__(self, folder: str | Path, *, writable: bool = True, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._folder = Folder(folder, max_file_bytes=max_file_bytes)
        self._writable = writable

    def tools(self) -> list[Callable[..., Any]]:
        """The functions to register."""
        reading: list[Callable[..., Any]] = [self.view_text_file, self.list_files]
        writing: list[Callable[..., Any]] = [self.write_text_file, self.insert_text_file]
        return [*reading, *writing] if self._writable else reading

    @tool(_READS)
    def view_text_file(self, file_path: str, ranges: list[int] | None = None) -> str:
        """Shows a text file with line numbers.

        Args:
            file_path: The path of the file, within the folder.
            ranges: The first and the last line to show, counted from 1; negative numbers count from the end. All
                lines if left out.
        """
        lines = self._read(file_path)
        first, last = _range(ranges, len(lines)) if ranges is not None else (1, len(lines))
        shown = "\n".join(f"{number}: {lines[number - 1]}" for number in range(first, last + 1))
        return f"{file_path}, lines {first} to {last} of {len(lines)}:\n{shown}" if lines else f"{file_path} is empty."

    @tool(_READS)
    def list_files(self, folder_path: str = "", pattern: str = "*", recursive: bool = False) -> str:
        """Lists the files and folders in a folder; folders end in a slash.

        Args:
            folder_path: The path of the folder, within the folder that is at hand; empty for that one itself.
            pattern: A shell pattern for the names, such as *.md
            recursive: Whether to go into the folders as well.
        """
        try:
            found = self._folder.listing(folder_path, pattern, recursive=recursive)
        except PathRefused as error:
            raise ToolError(str(error)) from error
        return "\n".join(found) or "Nothing is there."

    @tool(_WRITES)
    def write_text_file(self, file_path: str, content: str, ranges: list[int] | None = None) -> str:
        """Writes a text file, or replaces some of its lines. A file that is not there is made.

        Args:
            file_path: The path of the file, within the folder.
            content: The text to write.
            ranges: The first and the last line to replace, counted from 1. The whole file if left out.
        """
        if ranges is None:
            self._write(file_path, content)
            return f"{file_path} is written: {len(_lines(content))} lines."
        lines = self._read(file_path)
        first, last = _range(ranges, len(lines))
        lines[first - 1 : last] = _lines(content)
        self._write(file_path, _text(lines))
        return f"Lines {first} to {last} of {file_path} are replaced; it has {len(lines)} lines now."

    @tool(_WRITES)
    def insert_text_file(self, file_path: str, content: str, line_number: int) -> str:
        """Inserts text in front of a line of a text file.

        Args:
            file_path: The path of the file, within the folder.
            content: The text to insert.
            line_number: The line that comes after it, counted from 1; one more than the file has appends.
        """
        lines = self._read(file_path)
        if not 1 <= line_number <= len(lines) + 1:
            raise ToolError(f"{file_path} has {len(lines)} lines; give a line from 1 to {len(lines) + 1}")
        lines[line_number - 1 : line_number - 1] = _lines(content)
        self._write(file_path, _text(lines))
        return f"The text is inserted at line {line_number} of {file_path}; it has {len(lines)} lines now."

    def _read(self, path: str) -> list[str]:
        try:
            return _lines(self._folder.read(path))
        except PathRefused as error:
            raise ToolError(str(error)) from error

    def _write(self, path: str, text: str) -> None:
        try:
            self._folder.write(path, text)
        except PathRefused as error:
            raise ToolError(str(error)) from error


def _lines(text: str) -> list[str]:
    """The lines as editors count them: a line break at the end opens no further one."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n" if lines else ""


def _range(ranges: list[int], count: int) -> tuple[int, int]:
    if len(ranges) != 2:
        raise ToolError(f"ranges takes the first and the last line, such as [1, 20], not {ranges}")
    first, last = (number if number > 0 else count + 1 + number for number in ranges)
    if not 1 <= first <= last or first > count:
        raise ToolError(f"there are no lines {ranges[0]} to {ranges[1]}: the file has {count} lines")
    return first, min(last, count)
