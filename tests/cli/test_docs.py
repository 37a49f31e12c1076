#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The documentation: its links resolve, the files that it names exist, and the README stays short.

Environment: none.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"),
                *(ROOT / "tests").rglob("*.md")])
SOURCES = {".cpp", ".hpp", ".py", ".cmake", ".txt", ".yaml", ".sbatch", ""}
FOLDERS = ("cmake", "docs", "inputs", "results", "scripts", "src", "tests")
MOST_README_LINES = 130

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# A path that begins in a folder of the repository; a pattern may have stars.
FILE = re.compile(rf"(?<![\w./$}}<-])(?:{'|'.join(FOLDERS)})/[\w./*+-]*\w(?![\w<{{])")
# Names that stand for others: src/kernels/NAME.hpp, inputs/acceptance/SIZE.yaml.
PLACEHOLDER = re.compile(r"\b(?:NAME|SIZE)(?:_test)?\.\w+$")


def text_of(page):
    return page.read_text(encoding="utf-8")


def anchors_of(page):
    """The anchors of a page's headings, as GitHub makes them."""
    found = set()
    for line in FENCE.sub("", text_of(page)).splitlines():
        heading = re.match(r"#+ +(.*)", line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading[1].lower())
            found.add(words.strip().replace(" ", "-"))
    return found


def broken_links(page):
    """The relative links of a page that do not resolve."""
    broken = []
    for target in LINK.findall(FENCE.sub("", text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(target)
    return broken


def missing_files(text):
    """The files of the repository that a text names and that do not exist."""
    return [name for name in FILE.findall(text) if not PLACEHOLDER.search(name)
            and not any(True for _ in ROOT.glob(name.rstrip(".")))]


class Documentation(unittest.TestCase):
    def test_has_its_pages(self):
        self.assertGreater(len(PAGES), 20)

    def test_links_resolve(self):
        for page in PAGES:
            with self.subTest(page.relative_to(ROOT)):
                self.assertEqual(broken_links(page), [])

    def test_names_files_that_exist(self):
        for page in PAGES:
            with self.subTest(page.relative_to(ROOT)):
                self.assertEqual(missing_files(text_of(page)), [])

    def test_every_page_is_linked(self):
        linked = {(page.parent / target.partition("#")[0]).resolve()
                  for page in PAGES for target in LINK.findall(FENCE.sub("", text_of(page)))}
        for page in sorted((ROOT / "docs").rglob("*.md")):
            self.assertIn(page, linked)

    def test_readme_is_short(self):
        self.assertLessEqual(len(text_of(ROOT / "README.md").splitlines()), MOST_README_LINES)

    def test_pages_that_the_program_and_its_scripts_name_exist(self):
        for folder in ("cmake", "inputs", "scripts", "src", "tests"):
            for file in sorted((ROOT / folder).rglob("*")):
                if file.suffix not in SOURCES:
                    continue
                if not file.is_file() or file == pathlib.Path(__file__).resolve():
                    continue
                text = file.read_text(encoding="utf-8", errors="replace")
                for name in re.findall(r"\bdocs/[\w/-]+(?:\.md)?", text):
                    self.assertTrue((ROOT / name).exists(), f"{file}: {name}")


class Checks(unittest.TestCase):
    """What these tests would find."""

    def test_finds_files_that_are_missing(self):
        self.assertEqual(missing_files("`src/base/error.hpp`, `src/base/eror.hpp` and src/none.\n"),
                         ["src/base/eror.hpp", "src/none"])
        self.assertEqual(missing_files("`tests/kernels/NAME_test.cpp`, "
                                       "`tests/<folder>/*_test.cpp`, "
                                       "`tests/comm/*_mpi_test.cpp`"), [])
        self.assertEqual(missing_files("tests/comm/*_mpi_tests.cpp"),
                         ["tests/comm/*_mpi_tests.cpp"])

    def test_knows_the_anchors_of_headings(self):
        self.assertIn("6-figure-of-merit", anchors_of(ROOT / "docs" / "run-rules.md"))


if __name__ == "__main__":
    unittest.main()
