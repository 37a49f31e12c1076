#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What users do at first. Nothing of it may cost a result or be misunderstood.

Environment: see harness.py.
"""
import os
import pathlib
import subprocess
import unittest
from unittest import mock

import harness
from records import INPUT, parse


class FirstContact(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.write("case.yaml", INPUT)

    def refused(self, line, *arguments, ranks=1):
        result = harness.run(list(arguments), self.folder, ranks=ranks)
        self.assertEqual((result.status, result.output), (2, ""), result)
        (error,) = result.errors
        self.assertRegex(error, line)

    def records(self, name="r.jsonl"):
        text = pathlib.Path(self.folder, name).read_text(encoding="utf-8")
        return [parse(line) for line in text.splitlines()]

    def shell(self, line, ranks=1):
        """Runs a shell line, in which $T is the program on so many ranks."""
        words = " ".join(harness.command(ranks, []))
        return subprocess.run(["bash", "-c", line], cwd=self.folder, check=False, text=True,
                              capture_output=True, timeout=60,
                              env={**harness.environment(), "T": words})


class Texts(FirstContact):
    def test_an_input_that_is_not_utf_8_is_refused_before_anything_is_measured(self):
        self.write("l.yaml", b"name: gr\xf6sse\n" + INPUT.encode())
        for command in ("run", "plan"):
            self.refused(r"^l\.yaml:1:9: not UTF-8: byte 0xf6; ", command, "l.yaml", "--output",
                         "r.jsonl")
        self.assertFalse(pathlib.Path(self.folder, "r.jsonl").exists())

    def test_names_that_are_not_utf_8_cost_no_record(self):
        # A folder, an argument and a variable that the record keeps.
        line = ("mkdir $'d\\xf6' && cp case.yaml $'d\\xf6/c.yaml' && "
                "NCCL_SOCKET_IFNAME=$'e\\xf6' $T run $'d\\xf6/c.yaml' --output r.jsonl")
        result = self.shell(line)
        self.assertEqual(result.returncode, 0, result)
        (record,) = self.records()
        self.assertIs(record["valid"], True)

    def test_standard_input_is_an_input(self):
        for command in ("plan", "run"):
            result = self.shell(f"$T {command} - --output {command}.jsonl < case.yaml")
            self.assertEqual(result.returncode, 0, result)
            self.assertEqual(self.records(f"{command}.jsonl")[0]["kind"], command)

    def test_control_characters_of_names_do_not_reach_the_terminal(self):
        result = self.shell("$T plan $'no\\e[31mfile'")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no\\x1b[31mfile", result.stderr)


class Files(FirstContact):
    def test_the_same_file_is_not_taken_twice(self):
        os.symlink("case.yaml", os.path.join(self.folder, "link.yaml"))
        same = r"^command line: (the input|--\w+) and --\w+ name the same file: "
        self.refused(same, "run", "case.yaml", "--output", "r.jsonl", "--trace", "./r.jsonl")
        for name in ("case.yaml", "link.yaml"):
            self.refused(same, "run", "case.yaml", "--trace", name)
            self.refused(same, "run", "case.yaml", "--output", name)
            self.refused(same, "plan", "case.yaml", "--output", name)
        with open(os.path.join(self.folder, "case.yaml"), encoding="utf-8") as file:
            self.assertEqual(file.read(), INPUT)
        self.refused("^command line: --dump names no file$", "run", "case.yaml", "--dump", "")

    def test_many_plans_at_once_lose_no_record(self):
        line = ("for i in 1 2 3 4; do (for k in 1 2 3 4 5; do $T plan case.yaml --output r.jsonl "
                "--set 'sweep.model.micro_batch_size=[1, 2, 3]'; done) & done; wait")
        self.assertEqual(self.shell(line).returncode, 0)
        self.assertEqual(len(self.records()), 4 * 5 * 3)

    def test_a_full_disk_costs_the_record_and_not_the_row(self):
        result = harness.run(["run", "case.yaml", "--output", "/dev/full"], self.folder)
        self.assertEqual(result.status, 3)
        self.assertEqual(result.errors, ["/dev/full: the record could not be written: No space "
                                         "left on device"])
        self.assertRegex(result.output, r"\nsingle +1 .* yes\n")


class StandardStreams(FirstContact):
    def test_closed_or_full_ones_cost_no_record(self):
        for number, (streams, status) in enumerate((("2>/dev/full", 0), ("2>&-", 0), ("<&-", 0),
                                                    (">/dev/full", 3), (">&-", 0),
                                                    (">&- 2>&- <&-", 0))):
            with self.subTest(streams):
                name = f"r{number}.jsonl"
                result = self.shell(f"$T run case.yaml --output {name} --progress {streams}")
                self.assertEqual(result.returncode, status, result)
                (record,) = self.records(name)
                self.assertIs(record["valid"], True)

    def test_a_table_that_cannot_be_written_is_said_once(self):
        result = self.shell("$T run case.yaml --output r.jsonl >/dev/full")
        self.assertEqual(result.stderr, "standard output cannot be written; the run goes on "
                                        "without it\n")


class Ranks(FirstContact):
    def test_with_other_arguments_are_named(self):
        program = os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"])
        self.write("other", "#!/bin/sh\n"
                   'if [ "${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-0}}" = 1 ]; then\n'
                   '  set -- "$@" --set model.seq_length=16\nfi\n'
                   f'exec "{program}" "$@"\n')
        other = os.path.join(self.folder, "other")
        os.chmod(other, 0o755)
        with mock.patch.dict(os.environ, {"TIDEMARK_EXECUTABLE": other}):
            result = harness.run(["run", "case.yaml", "--set", "parallel.tensor=2"], self.folder,
                                 ranks=2)
        self.assertEqual(result.status, 2, result)
        self.assertEqual(result.errors,
                         ["command line: rank 1 was started with other arguments than rank 0"])


class Memory(FirstContact):
    # Beyond this limit, the allocator of the BLAS looks for memory for ever.
    def test_a_limit_of_the_address_space_is_known_before_anything_is_allocated(self):
        program = os.environ["TIDEMARK_EXECUTABLE"]
        self.write("limited", "#!/bin/bash\n"
                   "ulimit -v $(($(awk '/VmSize/ {print $2}' /proc/self/status) + 2000000))\n"
                   f"exec {program} \"$@\"\n")
        pathlib.Path(self.folder, "limited").chmod(0o755)
        with mock.patch.dict(os.environ,
                             TIDEMARK_EXECUTABLE=str(pathlib.Path(self.folder, "limited"))):
            result = harness.run(["run", "case.yaml", "--set", "model.hidden_size=4096",
                                  "--set", "model.num_layers=4", "--set", "parallel.tensor=2"],
                                 self.folder, ranks=2)
        self.assertEqual(result.status, 3, result)
        (error,) = result.errors
        self.assertRegex(error, r"^case\.yaml:[0-9:]+: case 1 does not fit into memory: "
                         r"it needs [0-9.]+ GiB a process \(.+\), and "
                         r"the limit of its address space \(ulimit -v\) leaves [0-9.-]+ GiB$")


class Yaml(FirstContact):
    def test_anchors_and_merge_keys_are_taken(self):
        text = INPUT.replace("model: {", "model: &m {").replace(
            "bench: {warmup: 1", "bench: {warmup: &w 1, min_warmup_seconds: 0")
        self.write("a.yaml", text + "overlap: {chunks: *w}\n")
        result = harness.run(["plan", "a.yaml", "--output", "r.jsonl"], self.folder)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(self.records()[0]["case"]["overlap"]["chunks"], 1)

    def test_more_chunks_than_could_help_are_refused(self):
        self.refused(r"overlap\.chunks: 2147483647 is out of range, expected 0 to 4096$", "plan",
                     "case.yaml", "--set", "overlap.chunks=2147483647")


if __name__ == "__main__":
    unittest.main()
