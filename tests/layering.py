#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checks that no folder of src/ includes what stands beside or above it.

    layering.py SRC           check the tree at SRC; exit status 1 if anything is wrong
    layering.py --self-check  check that planted violations are caught, and good includes are not
"""
import pathlib
import re
import sys
import tempfile

# From the ground up. Folders on one line may not include each other.
LEVELS = [
    {"base"},
    {"job"},
    {"config", "comm", "kernels", "memory"},
    {"theory", "parallel"},
    {"model"},
    {"bench"},
    {"report"},
    {"criteria"},
    {"commands"},
    {"cli"},
]
LEVEL = {folder: level for level, folders in enumerate(LEVELS) for folder in folders}
# These folders must be usable without a device. Buffers reach them as pointer, count and dtype.
WITHOUT_KOKKOS = {"job", "config", "comm", "theory"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def included_folder(path):
    """The folder of src/ that an include names, or None if it names something else."""
    parts = path.split("/")
    return parts[0] if len(parts) > 1 and parts[0] in LEVEL else None


def wrong_with(folder, quote, path, kokkos_headers):
    """What is wrong with an include in `folder`; None if nothing is."""
    if folder in WITHOUT_KOKKOS:
        if path.startswith("Kokkos"):
            return f"{folder} must not know of Kokkos"
        if path in kokkos_headers:
            return f"{folder} must not know of Kokkos, which this header brings in"
    target = included_folder(path)
    if quote == '"' and target is None and path != "tidemark_version.hpp":
        return "write the path relative to src, as FOLDER/FILE with a folder of src"
    if target is None or target == folder or LEVEL[target] < LEVEL[folder]:
        return None
    return f"{folder} may not include {target}, which does not stand below it"


def includes(file):
    """(line number, quote, path) of every include of a file."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def headers_with_kokkos(src):
    """Headers of src that include Kokkos, directly or through others."""
    direct = {str(file.relative_to(src)): {path for _, _, path in includes(file)}
              for file in src.rglob("*.hpp")}
    found = set()
    while True:
        more = {header for header, paths in direct.items() if header not in found
                and any(path.startswith("Kokkos") or path in found for path in paths)}
        if not more:
            return found
        found |= more


def violations(src):
    """One line for each include of the tree that breaks a rule, and how many files were read."""
    found = []
    kokkos_headers = headers_with_kokkos(src)
    files = sorted(file for file in src.rglob("*") if file.suffix in {".hpp", ".cpp"})
    for file in files:
        folder = file.relative_to(src).parts[0]
        if file.parent == src:
            if file.name != "main.cpp":
                found.append(f"{file}: only main.cpp stands in src itself")
            continue
        if folder not in LEVEL:
            found.append(f"{file}: the folder {folder} has no place in the order")
            continue
        for number, quote, path in includes(file):
            wrong = wrong_with(folder, quote, path, kokkos_headers)
            if wrong:
                found.append(f"{file}:{number}: {path}: {wrong}")
    return found, len(files)


# By file: its content, and the number of violations in it.
PLANTED = {
    "main.cpp": ('#include "commands/run.hpp"\n', 0),
    "base/device.hpp": ("#include <Kokkos_Core.hpp>\n", 0),
    "base/dtype.hpp": ("#include <cstddef>\n", 0),
    "job/place.hpp": ('#include "base/dtype.hpp"\n', 0),
    "job/up.cpp": ('#include "comm/x.hpp"\n#include <Kokkos_Core.hpp>\n', 2),
    "base/up.hpp": ('#include "config/case.hpp"\n', 1),
    "comm/good.cpp": ('#include "base/dtype.hpp"\n#include "comm/good.hpp"\n#include <mpi.h>\n', 0),
    "comm/beside.cpp": ('#include "memory/ledger.hpp"\n', 1),
    "comm/kokkos.cpp": ("#  include <Kokkos_Core.hpp>\n", 1),
    "comm/through.cpp": ('#include "base/device.hpp"\n', 1),
    "theory/up.hpp": ('#include "parallel/linear.hpp"\n#include "kernels/gemm.hpp"\n', 1),
    "parallel/good.hpp": ('#include "comm/x.hpp"\n#include "kernels/x.hpp"\n', 0),
    "model/up.cpp": ('#include <vector>\n#include "bench/runner.hpp"\n', 1),
    "report/relative.cpp": ('#include "record.hpp"\n#include "tidemark_version.hpp"\n', 1),
    "attic/old.cpp": ("", 1),
    "loose.cpp": ("", 1),
}


def self_check():
    with tempfile.TemporaryDirectory() as folder:
        src = pathlib.Path(folder)
        for name, (content, _) in PLANTED.items():
            (src / name).parent.mkdir(exist_ok=True)
            (src / name).write_text(content, encoding="utf-8")
        found, _ = violations(src)
        wrong = []
        for name, (_, expected) in PLANTED.items():
            counted = sum(line.startswith(f"{src / name}:") for line in found)
            if counted != expected:
                wrong.append(f"{name}: {counted} violations found, {expected} planted")
        return wrong


def main(arguments):
    if arguments == ["--self-check"]:
        wrong, checked = self_check(), len(PLANTED)
    elif len(arguments) == 1 and pathlib.Path(arguments[0]).is_dir():
        wrong, checked = violations(pathlib.Path(arguments[0]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    print("\n".join(wrong + [f"{checked} files checked, {len(wrong)} complaints"]))
    # A tree without files means a wrong path, not a correct tree.
    return 1 if wrong or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
