#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One rule for all readers: scripts and `tidemark check` accept and refuse the same lines.

The schema knows what the program writes. The rule holds for anything else that a file may contain.

Environment: see harness.py.
"""
import json
import os
import unittest

import harness
from mutations import originals
from records import plan, measure
from samples import ROOT, UNKNOWN_VERSIONS, changed, lines, parsed, stored
import tools  # noqa: F401  the next lines need it
from tidemark_tools.records import reader, schema
from tidemark_tools.records.shapes import Object, unknown_keys

RUN = stored(2, "run.jsonl")
CRITERIA = "criteria:\n  - {name: all valid, valid: true}\n"
WITH_ENDS = "model.vocab_size=100"


def known_keys(shape, prefix=""):
    if isinstance(shape, Object):
        for key, inner in shape.shapes.items():
            yield f"{prefix}{key}"
            yield from known_keys(inner, f"{prefix}{key}.")


class Schema(unittest.TestCase):
    def holds(self, data):
        shape = schema.SCHEMAS[data["kind"], data["schema_version"]]
        shape.check(data)
        for section, key in (("memory", "ends"), ("memory", "at_peak"), ("comm", "algorithms")):
            if data[section].get(key):
                shape.shapes[section].shapes[key].check_deeply(data[section][key])
        self.assertEqual(sorted(set(unknown_keys(shape, data))), [])

    def test_of_stored_records(self):
        for data in originals():
            self.holds(data)
        for path in sorted((ROOT / "results").rglob("*.jsonl")):
            for data in parsed(path):
                self.holds(data)

    def test_of_what_the_program_writes(self):
        """The schema has all keys that the program writes, and no others."""
        _, found = measure(2, "sweep.overlap.mode=[none, ring]", WITH_ENDS)
        found += measure(1)[1]
        plans = plan(2, WITH_ENDS, options=("--device-memory", "80GB"))[1]
        for data in found + plans:
            self.holds(data)
        for data in found[0], plans[0]:
            shape = schema.SCHEMAS[data["kind"], 2]
            missing = {key for key in known_keys(shape) if not self.has(data, key)}
            self.assertEqual({key for key in missing if not any(
                key.startswith(f"{other}.") for other in missing)}, set())

    def has(self, data, key):
        """Whether the key exists, or is below a null."""
        for part in key.split("."):
            if data is None:
                return True
            if part not in data:
                return False
            data = data[part]
        return True


class Rules(harness.TestCase):
    """What all readers make of a file with two records and a line between them."""

    def read(self, text):
        """What scripts read: the number of records and their remarks, or only the error."""
        path = os.path.join(self.folder, self.write("r.jsonl", text))
        remarks = reader.Remarks(lambda line: None)
        try:
            found = list(reader.read_each(path, remarks))
        except reader.InputError as error:
            return str(error).removeprefix(f"{self.folder}/"), []
        return len(found), [line.removeprefix(f"{self.folder}/") for line in remarks.lines]

    def check(self):
        self.write("criteria.yaml", CRITERIA)
        return harness.run(["check", "r.jsonl", "--criteria", "criteria.yaml"], self.folder)

    def between(self, line):
        """The bytes of a file that has the line between two good ones."""
        return lines(RUN).encode() + line + b"\n" + lines(changed(RUN, case_index=1)).encode()

    def refused(self, line, words):
        """All readers must refuse the line there. If it is the last line, all leave it out with a
        warning."""
        said, _ = self.read(self.between(line))
        self.assertRegex(said, f"^r.jsonl:2: {words}")
        result = self.check()
        self.assertEqual((result.status, len(result.errors)), (2, 1), result)
        self.assertRegex(result.errors[0], f"^r.jsonl:2: {words}")
        return result

    def test_damaged_lines_are_refused_by_all(self):
        good = json.dumps(changed(RUN, case_index=2)).encode()
        for line in (good[:-1], good[:50], b"no", good.replace(b'"kind"', b'"x": NaN, "kind"'),
                     good.replace(b'"kind"', b'"x": -Infinity, "kind"'),
                     good.replace(b"stored", b"st\xf6red"), good.replace(b"stored", b"\\ud800"),
                     good.replace(b'"kind": "run"', b'"kind": "run", "kind": "run"'),
                     good.replace(b'"median":', b'"median" : 1,\t"median":', 1), b"\0\0\0"):
            self.refused(line, "is damaged: ")
            count, said = self.read(lines(RUN).encode() + line)
            self.assertEqual((count, len(said)), (1, 1))
            result = self.check()
            self.assertEqual((result.status, len(result.errors)), (0, 1), result)
            for words in (said[0], result.errors[0]):
                self.assertRegex(words, "^r.jsonl:2: is damaged: .*this last line is left out$")

    def test_other_versions_and_what_is_no_record_are_refused_in_the_same_words(self):
        unknown = [json.dumps({**RUN, "schema_version": one}) for one in UNKNOWN_VERSIONS]
        for line in [*unknown, "{}", "[]", "5", '{"kind": "run"}']:
            said, _ = self.read(self.between(line.encode()))
            self.assertEqual([said], self.check().errors)

    def test_a_byte_order_mark_is_passed_over_by_all(self):
        mark, again = b"\xef\xbb\xbf", lines(changed(RUN, case_index=1)).encode()
        text = mark + lines(RUN).encode()
        self.assertEqual(self.read(text + mark + again), (2, []))
        self.assertEqual((self.check().status, self.check().errors), (0, []))
        self.assertEqual(self.read(text + lines(RUN).encode())[0], 1)  # the same record

    def test_the_same_record_twice_is_one_in_the_same_words(self):
        count, said = self.read(lines(RUN) * 3)
        self.assertEqual((count, said), (1, [
            "r.jsonl:2: the same record as in line 1, counted once (2 such lines)"]))
        self.assertEqual(self.check().errors, said)

    def test_failed_checks_count_more_than_the_word_valid(self):
        bad = changed(RUN)
        bad["verification"]["checks"][0].update(passed=False)
        above = changed(RUN)
        above["verification"]["checks"][0].update(value=2e-5)
        for data in (bad, above):
            _, said = self.read(lines(data))
            self.assertEqual(said, ["r.jsonl:1: it says that it is valid, but its check "
                                    "twin_against_fp64 failed; it is not valid"])
            result = self.check()
            self.assertEqual(result.status, 1)
            self.assertIn("it says that it is valid, but its check twin_against_fp64 failed",
                          result.output)


if __name__ == "__main__":
    unittest.main()
