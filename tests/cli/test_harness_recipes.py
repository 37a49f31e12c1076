#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The recipes for Ramble and Spack load, and what they say is true.

Ramble's figures of merit are those of the record. Spack's options and dependencies are those of the
build.

Neither tool is needed: a module that replaces theirs notes what a recipe declares. Environment: see
harness.py.
"""
import contextlib
import json
import pathlib
import re
import sys
import types
import unittest

import records
from samples import as_version_2

ROOT = pathlib.Path(__file__).resolve().parents[2]
HARNESS = ROOT / "scripts" / "harness"
# The parts of each tool that our recipes use.
DIRECTIVES = {
    "ramble": ("tags", "software_spec", "required_package", "executable", "workload",
               "workload_variable", "figure_of_merit_context", "figure_of_merit",
               "success_criteria"),
    "spack": ("license", "version", "variant", "depends_on", "conflicts"),
}


class Base:
    """Replaces a tool's base class."""

    @staticmethod
    def define(name, value):
        return f"-D{name}={value}"

    @staticmethod
    def define_from_variant(name, variant):
        return f"-D{name}:{variant}"


def load(path, tool, modules):
    """The recipe's namespace and what it declared, as {directive: [(arguments, keywords)]}."""
    said = {name: [] for name in DIRECTIVES[tool]}
    offered = {name: (lambda *words, name=name, **keys: said[name].append((words, keys)))
               for name in said}
    offered.update({
        "ExecutableApplication": Base,
        "CMakePackage": Base,
        "CudaPackage": type("CudaPackage", (), {"cuda_arch_values": ("90",)}),
        "run_after": lambda phase: lambda method: method,
        "ancestor": lambda file, n: str(pathlib.Path(file).parents[n - 1]),
    })
    fakes = {}
    for name in modules:
        for end in range(1, name.count(".") + 2):
            part = ".".join(name.split(".")[:end])
            fakes.setdefault(part, types.ModuleType(part)).__dict__.update(offered)
    namespace = {"__file__": str(path), "__name__": "recipe"}
    with contextlib.ExitStack() as stack:
        for name, module in fakes.items():
            stack.callback(lambda name=name, before=sys.modules.get(name): (
                sys.modules.pop(name) if before is None else sys.modules.__setitem__(name, before)))
            sys.modules[name] = module
        code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
        exec(code, namespace)  # pylint: disable=exec-used
    return namespace, said


class Ramble(unittest.TestCase):
    def setUp(self):
        _, self.said = load(HARNESS / "ramble" / "applications" / "tidemark" / "application.py",
                            "ramble", ["ramble.appkit"])

    def figures(self, line):
        """{name: value} of a record, as Ramble reads it: from the start of the line."""
        found = {}
        for (name,), keys in self.said["figure_of_merit"]:
            match = re.match(keys["fom_regex"], line)
            if match:
                found[name] = float(match[keys["group_name"]])
        return found

    def is_success(self, line):
        verdicts = []
        for _, keys in self.said["success_criteria"]:
            verdicts.append(bool(re.match(keys["match"], line)) if "match" in keys
                            else not re.match(keys["anti_match"], line))
        return all(verdicts)

    def test_figures_and_verdict_are_the_records(self):
        result, [record] = records.measure(2, "parallel.sequence=true", "overlap.mode=ring",
                                           "bench.max_iterations=3")
        self.assertEqual(result.status, 0)
        record = as_version_2(record)
        # If a link is too fast, there is no efficiency.
        record["overlap"].update(efficiency=0.75, schedule_efficiency=0.875)
        line = json.dumps(record, separators=(",", ":"))
        self.assertTrue(self.is_success(line))
        self.assertEqual(self.figures(line), {
            "model operation rate": record["fom"]["model_tflops_per_s"],
            "tokens per second": record["fom"]["tokens_per_s"],
            "step": record["time"]["step_ms"]["median"],
            "operation rate of a rank": record["flops"]["gflops_per_rank"],
            "saved activations of a rank": record["memory"]["saved_bytes"],
            "peak of all activations of a rank": record["memory"]["peak_bytes"],
            "overlap efficiency": 0.75, "schedule efficiency": 0.875,
            "split cost": record["overlap"]["split_cost_ms"]})
        for version in (1, 3):  # where efficiency has another meaning
            other = json.dumps({**record, "schema_version": version}, separators=(",", ":"))
            self.assertFalse(self.is_success(other))
            self.assertEqual(self.figures(other), {})
        [(_, context)] = self.said["figure_of_merit_context"]
        self.assertEqual(
            context["output_format"].format(**re.match(context["regex"], line).groupdict()),
            "t 2, sequence true, overlap ring")
        for verdict in (False, None):
            record["valid"] = verdict
            line = json.dumps(record, separators=(",", ":"))
            self.assertFalse(self.is_success(line))
            self.assertEqual(self.figures(line), {})

    def test_no_regular_expression_has_braces_which_ramble_would_expand(self):
        for directive, key in (("figure_of_merit", "fom_regex"),
                               ("figure_of_merit_context", "regex")):
            for _, keys in self.said[directive]:
                self.assertNotRegex(keys[key], "[{}]")


class Spack(unittest.TestCase):
    def setUp(self):
        self.path = HARNESS / "spack/spack_repo/tidemark/packages/tidemark/package.py"
        namespace, self.said = load(self.path, "spack", [
            "spack.package", "spack_repo.builtin.build_systems.cmake",
            "spack_repo.builtin.build_systems.cuda"
        ])
        self.package = namespace["Tidemark"]

    def test_it_builds_this_checkout(self):
        self.assertEqual(self.package.git, f"file://{ROOT}")

    def test_it_depends_on_all_that_the_build_looks_for(self):
        looked_for = set()
        for path in (ROOT / "cmake" / "TidemarkDependencies.cmake",
                     ROOT / "tests" / "CMakeLists.txt"):
            text = path.read_text(encoding="utf-8")
            looked_for |= set(
                re.findall(r"(?:find_package|tidemark_require_kokkos)\((\w[\w-]*)", text))
        names = {
            "Kokkos": "kokkos", "KokkosKernels": "kokkos-kernels", "MPI": "mpi",
            "yaml-cpp": "yaml-cpp", "CLI11": "cli11", "fmt": "fmt",
            "nlohmann_json": "nlohmann-json", "GTest": "googletest"
        }
        declared = {re.split(r"[@+~ ]", words[0])[0] for words, _ in self.said["depends_on"]}
        ours = {names[name] for name in looked_for - {"name"}} | {"random123", "nccl"}
        self.assertLessEqual(ours, declared)

    def test_its_options_are_ours(self):
        package = self.package()
        package.spec = types.SimpleNamespace(satisfies=lambda what: False)
        options = [re.split("[=:]", option[2:])[0] for option in package.cmake_args()]
        ours = "\n".join(
            path.read_text(encoding="utf-8")
            for path in [ROOT / "CMakeLists.txt", *(ROOT / "cmake").glob("*")] if path.is_file())
        for option in options:
            self.assertRegex(ours, rf"(option|set)\({option} ")


if __name__ == "__main__":
    unittest.main()
