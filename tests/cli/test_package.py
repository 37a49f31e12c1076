#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/package: an archive whose program runs from any folder, with libraries of its own.

Environment: see harness.py.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import harness
from records import INPUT, parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Libraries that may come from the system of a node.
OF_THE_NODE = re.compile(r"(ld-linux|linux-vdso|libc\.|libm\.|libmvec|libdl\.|libpthread|librt\.|"
                         r"libresolv|libstdc\+\+|libgcc_s|libmpi|libopen-|libpmix|libmpich)")


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("objdump") is None or shutil.which("ldd") is None:
            raise unittest.SkipTest("needs objdump and ldd")
        base = tempfile.TemporaryDirectory(prefix="tidemark package ")
        cls.addClassCleanup(base.cleanup)
        cls.folder = pathlib.Path(base.name)
        build = pathlib.Path(os.environ["TIDEMARK_EXECUTABLE"]).resolve().parent
        archive = cls.folder / "t.tar.gz"
        subprocess.run([ROOT / "scripts/package", build, archive], check=True,
                       stdout=subprocess.PIPE)
        subprocess.run(["tar", "-C", cls.folder, "-xzf", archive], check=True)
        (cls.root,) = [path for path in cls.folder.iterdir() if path.is_dir()]

    def test_the_name_says_for_what_it_is(self):
        self.assertRegex(self.root.name, r"^tidemark-\d+\.\d+\.\d+-[a-z]+[\d.]*-[\w]+(-[\w-]+)?$")

    def test_brings_what_a_node_may_lack(self):
        library = self.root / "lib/tidemark"
        own = {path.name for path in library.iterdir()} - {"program"}
        self.assertTrue(any(name.startswith("libfmt") for name in own), own)
        self.assertTrue(any(name.startswith("libyaml-cpp") for name in own), own)
        self.assertFalse([name for name in own if OF_THE_NODE.match(name)])
        needed = subprocess.run(["objdump", "-p", library / "program"], check=True,
                                capture_output=True, text=True).stdout
        for name in re.findall(r"NEEDED\s+(\S+)", needed):
            self.assertTrue(name in own or OF_THE_NODE.match(name), name)

    def test_runs_on_two_ranks(self):
        case = self.folder / "case.yaml"
        case.write_text(INPUT, encoding="utf-8")
        program = str(self.root / "bin/tidemark")
        with mock.patch.dict(os.environ, {"TIDEMARK_EXECUTABLE": program}):
            result = harness.run(["run", str(case), "--set", "parallel.tensor=2", "--output",
                                  "r.jsonl"], str(self.folder), ranks=2)
        self.assertEqual(result.status, 0, result)
        (line,) = (self.folder / "r.jsonl").read_text(encoding="utf-8").splitlines()
        self.assertIs(parse(line)["valid"], True)

    def test_scripts_find_the_program(self):
        result = subprocess.run([self.root / "build/release/tidemark", "plan",
                                 self.root / "inputs/quickstart.yaml"], check=False,
                                capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_scripts_find_their_package_from_any_folder(self):
        for script in ("plot", "report", "compare", "scaling-study", "first-run-gpu",
                       "dev/bench-step"):
            with self.subTest(script):
                result = subprocess.run([sys.executable, self.root / "scripts" / script, "--help"],
                                        cwd="/", check=False, capture_output=True, text=True)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertIn("usage: ", result.stdout)


if __name__ == "__main__":
    unittest.main()
