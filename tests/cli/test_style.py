#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Style that no formatter checks: a licence line per source file, and Python of 100 columns.

Environment: none.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("scripts", "tests")
MOST_COLUMNS = 100
LICENCE = "SPDX-License-Identifier: BSD-3-Clause"
SOURCE_SUFFIXES = (".cpp", ".hpp", ".c", ".py", ".cmake", ".sh", ".sbatch", ".awk")
SOURCE_FOLDERS = ("cmake", "scripts", "src", "tests")


def is_python(path):
    """Whether a file is Python by its name or by its first line."""
    if path.suffix == ".py":
        return True
    if path.suffix or not path.is_file():
        return False
    with open(path, encoding="utf-8", errors="replace") as file:
        return re.match(r"#!.*\bpython3?\b", file.readline()) is not None


def is_source(path):
    """Whether a file is source by its name, or a script by its first two characters."""
    if path.suffix in SOURCE_SUFFIXES or path.name == "CMakeLists.txt":
        return True
    if path.suffix or not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"#!"


def has_licence(text):
    """Whether the licence is in the first two lines."""
    return any(LICENCE in line for line in text.splitlines()[:2])


def long_lines(text):
    """The numbers of the lines that are too long."""
    return [number for number, line in enumerate(text.splitlines(), 1) if len(line) > MOST_COLUMNS]


FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))
         if is_python(path)]

SOURCES = [ROOT / "CMakeLists.txt"] + [
    path for folder in SOURCE_FOLDERS for path in sorted((ROOT / folder).rglob("*"))
    if is_source(path) and "__pycache__" not in path.parts]


class Style(unittest.TestCase):
    def test_every_source_file_names_its_licence(self):
        self.assertEqual([str(path.relative_to(ROOT)) for path in SOURCES
                          if not has_licence(path.read_text(encoding="utf-8"))], [])

    def test_lines_are_not_too_long(self):
        for path in FILES:
            with self.subTest(path.relative_to(ROOT)):
                self.assertEqual(long_lines(path.read_text(encoding="utf-8")), [])

    def test_formatters_know_the_width(self):
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        for section in ("tool.black", "tool.ruff"):
            self.assertIn(f"[{section}]\nline-length = {MOST_COLUMNS}\n", text)


class Checks(unittest.TestCase):
    """Checks that these tests find faults."""

    def test_finds_scripts_without_a_suffix(self):
        names = {str(path.relative_to(ROOT)) for path in FILES}
        self.assertLessEqual({"scripts/plot", "scripts/dev/bench-step", "tests/layering.py"}, names)
        self.assertFalse({"scripts/nodes", "scripts/lib.sh"} & names)

    def test_finds_sources(self):
        names = {str(path.relative_to(ROOT)) for path in SOURCES}
        self.assertLessEqual({"scripts/plot", "scripts/lib.sh", "src/main.cpp", "CMakeLists.txt",
                              "cmake/FindNCCL.cmake", "tests/CMakeLists.txt"}, names)
        self.assertFalse(has_licence("// A comment\nint i;\n// " + LICENCE))

    def test_finds_long_lines(self):
        self.assertEqual(long_lines("x" * 100 + "\n" + "x" * 101 + "\n"), [2])


if __name__ == "__main__":
    unittest.main()
