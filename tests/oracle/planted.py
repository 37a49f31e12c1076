# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the comparison share: a dump that the oracle wrote itself, and faults in it."""

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

import compare
from dump import Case, layout
from stack import Model
from synthetic import write_dump

SMALL = Model(
    num_layers=2,
    hidden_size=12,
    ffn_hidden_size=20,
    num_attention_heads=4,
    seq_length=8,
    micro_batch_size=3,
    hidden_dropout=0.1,
    attention_dropout=0.2,
    causal=True,
    vocab_size=0,
)
CASE = Case(SMALL, "fp64", 4, True, False, 1234)


class PlantedTest(unittest.TestCase):
    """A test with a dump of `CASE`, or of another case, in a folder of its own."""

    CASE = CASE

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="tidemark-oracle-")
        self.addCleanup(scratch.cleanup)
        self.root = Path(scratch.name) / "dump"

    def planted(self, case=None):
        write_dump(self.root, case or self.CASE)
        self.assertEqual(self.run_compare()[0], 0)
        return self.root

    def run_compare(self):
        """Exit status and output of compare.py."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            status = compare.main([str(self.root)])
        return status, output.getvalue()

    def assert_caught(self, words):
        status, output = self.run_compare()
        self.assertEqual(status, 1, output)
        blamed = [line for line in output.splitlines() if "WRONG" in line]
        self.assertTrue(any(words in line for line in blamed), output)

    def change(self, path, change):
        """Replaces one rank's tensor by the result of `change` for it."""
        path = self.root / path
        np.save(path, change(np.load(path)))

    def check_every_tensor(self, case):
        self.planted(case)
        for name in layout(case):
            path = self.root / "rank3" / f"{name}.npy"
            good = path.read_bytes()
            self.change(path, lambda tensor: tensor * 1.0000001)
            self.assert_caught(name)
            path.write_bytes(good)
        self.assertEqual(self.run_compare()[0], 0)

    def assert_settings_matter(self, *changes):
        path = self.root / "case.json"
        good = json.loads(path.read_text(encoding="utf-8"))
        for section, key, value, words in changes:
            changed = {**good, section: {**good[section], key: value}}
            path.write_text(json.dumps(changed), encoding="utf-8")
            self.assert_caught(words)
