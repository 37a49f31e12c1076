#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/report as a command: the page is complete and stands alone, bad records are named, and
what many records cost.

Drawing needs a Python that has Matplotlib. So do all tests except those of reading.
"""
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
import unittest

import harness
from pages import Page
from reports import TP, TP_SP, WITH_TIDE, TestCase
from samples import (EMULATED, OVERLAPPING, ROOT, UNKNOWN_VERSIONS, as_version_2, changed, invalid,
                     lines, parsed, real)
from tools import needs_matplotlib  # the next lines need it, too
from tidemark_tools.records import reader
from tidemark_tools.reporting import gathering, lines as scaling_lines

REPORT = ROOT / "scripts" / "report"


@needs_matplotlib
class Script(TestCase):
    def report(self, *arguments, limit_s=300):
        result = subprocess.run([sys.executable, str(REPORT), *arguments], cwd=self.folder,
                                capture_output=True, text=True, timeout=limit_s, check=False)
        return result.returncode, result.stdout, result.stderr.splitlines()

    def made(self, name="report.html"):
        return pathlib.Path(self.folder, name).read_text(encoding="utf-8")

    def test_the_page_is_whole_and_stands_alone(self):
        names = ("quickstart/records.jsonl", "overlap/two-nodes-1gbit.jsonl", "overlap/links.jsonl")
        paths = [self.file(name.rpartition("/")[2], *map(
            as_version_2, parsed(ROOT / "results" / name))) for name in names]
        trace = str(ROOT / "results/overlap/two-nodes-1gbit.trace.json")
        status, output, errors = self.report(*paths, "--trace", trace, "-o", "a/page.html")
        self.assertEqual((status, output, errors), (0, "a/page.html\n", []))
        text = self.made("a/page.html")
        page = Page(text)
        self.assertEqual(page.faults, [])
        self.assertEqual(len(page.ids), len(set(page.ids)))
        self.assertEqual([link for link in page.links if not link.startswith("#")
                          or link[1:] not in page.ids], [])
        self.assertEqual({"script", "link", "img", "iframe", "object"} & set(page.tags), set())
        self.assertNotRegex(text, r"https?:|@import|url\((?!#)")
        for section in ("summary", "sharding", "memory", "overlap", "stragglers", "provenance",
                        "terms"):
            self.assertIn(section, page.text)
            self.assertIn(f"#{section}", page.links)
        self.assertEqual(set(page.figures), {
            "tide-1", "tide-2", "saved-1", "saved-2", "saved-3", "efficiency-2", "efficiency-3",
            "bandwidth-3", "timeline"})
        self.assertGreaterEqual(len(page.captions), len(page.figures))
        for role, words in page.figures.values():
            self.assertEqual(role, "img")
            self.assertTrue(words)

    def test_the_same_records_give_the_same_page(self):
        self.write("r.jsonl", lines(WITH_TIDE))
        for name in ("one.html", "again.html"):
            self.assertEqual(self.report("r.jsonl", "-o", name)[0], 0)
        self.assertEqual(self.made("one.html"), self.made("again.html"))

    def test_a_last_line_that_a_killed_writer_left_is_skipped_with_a_warning(self):
        whole_line = json.dumps(TP_SP).encode()
        for end in (whole_line[:-1], whole_line[:700], b"{", b"\0\0\0\0",
                    whole_line[:90] + b"\xff\n\n"):
            self.write("r.jsonl", lines(TP).encode() + end)
            page = self.page_of(os.path.join(self.folder, "r.jsonl"))
            self.assertEqual(len(self.said), 1)
            self.assertRegex(page.text["head"], "r.jsonl:2: is damaged: no whole JSON: .*; "
                             "this last line is left out")
            self.assertEqual(list(self.summary(page)), ["TP"])
        status, _, errors = self.report("r.jsonl")
        self.assertEqual((status, len(errors)), (0, 1))
        self.assertRegex(errors[0],
                         r"^\[report\] r\.jsonl:2: is damaged: .*; this last line is left out$")

    def refused(self, line, *arguments):
        pathlib.Path(self.folder, "report.html").unlink(missing_ok=True)
        status, output, errors = self.report(*arguments)
        self.assertEqual((status, output, len(errors)), (2, "", 1), errors)
        self.assertRegex(errors[0], line)
        self.assertFalse(pathlib.Path(self.folder, "report.html").exists())

    def test_damage_elsewhere_is_an_error_by_file_and_line(self):
        self.write("r.jsonl", lines(TP) + json.dumps(TP)[:400] + "\n" + lines(TP_SP))
        self.refused(r"^r\.jsonl:2: is damaged: no whole JSON: ", "r.jsonl")

    def test_a_record_that_breaks_the_schema_is_named_and_left_out(self):
        self.write("r.jsonl", lines(TP, {**TP_SP, "time": 5},
                                    changed(TP_SP, memory__peak_bytes=-1), TP_SP))
        status, output, errors = self.report("r.jsonl")
        self.assertEqual((status, output), (2, "report.html\n"))
        self.assertEqual(errors, [
            "[report] r.jsonl:2: time: an object is expected, not 5; this record is left out",
            "[report] r.jsonl:3: memory.peak_bytes: a whole number from 0 on or null is expected, "
            "not -1; this record is left out"])
        page = Page(self.made())
        self.assertIn("2 records (2 valid) of 2 cases", page.text["head"])
        self.assertIn("r.jsonl:2: time: an object is expected, not 5", page.text["head"])

    def test_refuses_what_it_cannot_read_or_write(self):
        self.refused("^absent: cannot be read: No such file or directory$", "absent")
        self.write("empty", "\n")
        self.refused("^empty: no records$", "empty")
        self.write("r.jsonl", lines(TP))
        self.refused("^r.jsonl/x.html: cannot be written: ", "r.jsonl", "-o", "r.jsonl/x.html")
        self.refused("^absent: cannot be run: No such file", "r.jsonl", "--criteria", "c.yaml",
                     "--executable", "absent")

    def checker(self, status, output, error=""):
        """An executable that prints this, instead of tidemark."""
        self.write("says", f"#!/bin/sh\necho \"$*\"\nprintf '{output}'\nprintf '{error}' >&2\n"
                           f"exit {status}\n")
        os.chmod(os.path.join(self.folder, "says"), 0o755)

    def test_verdicts_are_those_of_check(self):
        self.write("r.jsonl", lines(TP))
        for status, verdict in ((0, "MET"), (1, "MISSED")):
            self.checker(status, "peak  328 <= 400\\n")
            self.assertEqual(self.report("r.jsonl", "--criteria", "c.yaml", "--executable",
                                         "./says")[0], 0)
            text = Page(self.made()).text["criteria"]
            self.assertIn(f"r.jsonl: {verdict}", text)
            self.assertIn("check r.jsonl --criteria c.yaml\npeak  328 <= 400", text)
        self.checker(2, "", "c.yaml:3:1: nonsense\\n")
        self.refused("^criteria: c.yaml:3:1: nonsense$", "r.jsonl", "--criteria", "c.yaml",
                     "--executable", "./says")

    def test_other_versions_are_refused(self):
        for version in UNKNOWN_VERSIONS:
            self.write("r.jsonl", lines(TP, {**TP, "schema_version": version}))
            self.refused(rf"^r\.jsonl:2: has schema_version {json.dumps(version)}, and only "
                         "1 and 2 are read$", "r.jsonl")

    def test_10000_records_take_little_more_than_reading_them_and_500_mb(self):
        # Takes about 5 s on a core of 2024. JSON takes a fifth of this and Matplotlib a quarter.
        # Shared machines are slower, so the bound is relative to what the same core takes for the
        # JSON alone.
        kinds = [real(OVERLAPPING, index) for index in range(4)] + [
            real(EMULATED, index) for index in range(8)] + [WITH_TIDE, invalid(TP)]
        kinds = [json.dumps(one) for one in kinds]
        with open(os.path.join(self.folder, "r.jsonl"), "w", encoding="utf-8") as file:
            for i in range(10000):  # half of them repeats, half separate cases and problems
                dropout = f'"hidden_dropout": 0.{i:05}1' if i % 2 else '"hidden_dropout": 0.1'
                text = kinds[i % len(kinds)].replace('"hidden_dropout": 0.1', dropout)
                # No two lines are the same, because repeated lines count once.
                file.write(text.replace('"time_utc": "', f'"time_utc": "{i:05} ') + "\n")
        with open(os.path.join(self.folder, "r.jsonl"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        begin = time.process_time()
        for line in lines:
            json.loads(line)
        of_json = time.process_time() - begin
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        status, _, errors = self.report("r.jsonl")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.assertEqual((status, errors), (0, []))
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.assertLess(used, 12.0 * of_json)
        self.assertLess(after.ru_maxrss * 1024, 500e6)
        page = Page(self.made())
        self.assertIn("10000 records", page.text["head"])
        self.assertLess(len(self.made()), 4e6)
        self.assertRegex(page.text["summary"], r"Shown are the first 60 of 50\d\d cases")


class Reading(harness.TestCase):
    def test_records_are_thinned_out(self):
        thin = gathering.thinned(WITH_TIDE)
        self.assertLess(len(json.dumps(thin)), len(json.dumps(WITH_TIDE)) / 3)
        self.assertEqual(thin["time"]["step_ms"]["median"], TP["time"]["step_ms"]["median"])

    def test_one_record_a_time(self):
        self.write("r.jsonl", lines(TP, TP_SP))
        found = reader.read_each(os.path.join(self.folder, "r.jsonl"), reader.Remarks())
        self.assertTrue(next(found).place.endswith("r.jsonl:1"))

    def test_a_group_of_one_t_is_no_line(self):
        self.assertEqual(scaling_lines.strong_lines([]), [])


if __name__ == "__main__":
    unittest.main()
