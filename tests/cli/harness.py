# SPDX-License-Identifier: BSD-3-Clause
"""Runs the executable for the tests of the command line, and separates its lines from the
launcher's.

Environment: TIDEMARK_EXECUTABLE, the executable under test; MPIEXEC, the MPI launcher (default:
mpiexec); MPICC, the compiler wrapper of the same MPI (default: mpicc). One rank runs without the
launcher.
"""
import dataclasses
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import time
import unittest

# Open MPI needs these for more ranks than cores, as root, and unbound. Other launchers ignore them.
LAUNCHER_ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_reachable": "weighted",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}

# Launchers print rules around what they say of failed ranks.
RULE = re.compile(r"^(-{20,}|={20,})$")
# The launcher may write between the end of a rank's line and its line break.
RULE_BEHIND_TEXT = re.compile(r"(?<=[^-=\n])(-{20,}|={20,})$", re.MULTILINE)
LAUNCHER_REMARK = re.compile(r"^(\[[^\]]+\] (\d+ more process(es)? ha(s|ve) sent help message"
                             r"|Set MCA parameter|\[\[\d+,\d+\],\d+\] ORTE_ERROR_LOG: "
                             r"|PMIX ERROR: )"
                             r"|\[[^\]]+\]\[\[\d+,\d+\],\d+\]\[.+\] Unable to find reachable "
                             r"pairing|Abort\(\d+\) on node \d+ "
                             # Open MPI reads the memory of a rank that has just ended.
                             r"|\[[^\]]+:\d+\] Read -?\d+, expected \d+, errno = \d+$)")
# Processes of MPICH's launcher.
PROXY = re.compile(r"\(hydra_")


@dataclasses.dataclass
class Result:
    """How a run ended. `errors` are the lines on standard error that are not the launcher's."""

    status: int
    output: str
    errors: list
    seconds: float


# The exit status by which CTest knows that a test could not run here.
SKIPPED = 77


def main_that_may_skip():
    """Runs the tests of a script, and returns its exit status: SKIPPED if any of them could not
    run. The output names the reasons of skips."""
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        return 1
    return SKIPPED if result.skipped else 0


def launcher():
    """The kind of launcher: "open mpi 4" (or older), "open mpi 5" (or newer), "hydra" (MPICH's and
    Intel MPI's), or "unknown"."""
    said = subprocess.run([os.environ.get("MPIEXEC") or "mpiexec", "--version"],
                          capture_output=True, text=True, check=False).stdout
    if "HYDRA" in said or "Intel(R) MPI" in said:
        return "hydra"
    version = re.search(r"\((?:Open MPI|OpenRTE)\) (\d+)\.", said)
    if version:
        return "open mpi 4" if int(version[1]) < 5 else "open mpi 5"
    return "unknown"


def failed_statuses():
    """Exit statuses of the launcher if ranks end with status 3. The status of MPICH's launcher also
    depends on how it has ended the other ranks."""
    return (3, 9) if launcher() == "hydra" else (3,)


def own_lines(text):
    """The lines of `text` outside the launcher's frames, without empty ones."""
    lines = []
    inside = False
    for line in RULE_BEHIND_TEXT.sub(r"\n\1", text).splitlines():
        if RULE.match(line):
            inside = not inside
        elif line.strip("\0 \t") and not inside and not LAUNCHER_REMARK.match(line):
            lines.append(line.strip("\0"))  # Open MPI 5's launcher sometimes puts one in front
    return lines


def environment():
    """This process's environment, with the launcher's settings where they are not set."""
    settings = {**LAUNCHER_ENVIRONMENT, **os.environ}
    settings["LC_ALL"] = "C"  # the system's error texts are compared
    return settings


def command(ranks, arguments):
    """The command line that runs the executable on so many ranks."""
    executable = os.environ.get("TIDEMARK_EXECUTABLE")
    if not executable:
        raise RuntimeError("set TIDEMARK_EXECUTABLE to the executable under test")
    line = [os.path.abspath(executable), *arguments]
    if ranks > 1:
        line = [os.environ.get("MPIEXEC") or "mpiexec", "-n", str(ranks), *line]
    return line


def has_onednn():
    """Whether the executable can form products by oneDNN."""
    said = subprocess.run(["ldd", os.environ["TIDEMARK_EXECUTABLE"]], capture_output=True,
                          text=True, check=False).stdout
    return "libdnnl." in said


def preloading(source, folder):
    """A program that replaces the executable under test. It is the same program, but first loads
    the library that is made of the C file `source`. Only the ranks load it, not their launcher."""
    library = pathlib.Path(folder, source.stem + ".so")
    compiler = shlex.split(os.environ.get("MPICC") or "mpicc")
    subprocess.run([*compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                    "-shared", "-fPIC", "-o", library, source], check=True)
    wrapper = pathlib.Path(folder, "tidemark")
    executable = os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"])
    wrapper.write_text(f"#!/bin/sh\nLD_PRELOAD={shlex.quote(str(library))}\nexport LD_PRELOAD\n"
                       f"exec {shlex.quote(executable)} \"$@\"\n", encoding="utf-8")
    wrapper.chmod(0o755)
    return str(wrapper)


class LauncherHung(unittest.SkipTest):
    """All ranks have ended but the launcher has not, so nothing of Tidemark is left to test.

    The launcher of Open MPI 4.1 does so about once in a hundred times if its ranks end with an
    error at the same moment. Two threads of its PMIx wait for each other in PMIx_server_finalize.
    """


def ranks_of(pid):
    """Processes under test that `pid` has started, directly or through others, and that have not
    ended. MPICH's launcher starts its ranks through proxies."""
    parents, running = {}, []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")
        except OSError:
            continue  # it has ended meanwhile
        process, fields = int(stat.parent.name), rest.split()
        parents[process] = int(fields[1])
        if fields[0] != "Z" and not PROXY.search(name):
            running.append(process)

    def descends(process):
        while process > 1 and process != pid:
            process = parents.get(process, 0)
        return process == pid

    return [process for process in running if process != pid and descends(process)]


def is_running(pid):
    """Whether the process lives. A zombie is dead, but its parent has not looked yet."""
    try:
        status = pathlib.Path("/proc", str(pid), "stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def run(arguments, folder, ranks=1, limit_s=60):
    """Runs the executable in `folder`. After `limit_s` seconds, ends it and all its ranks, and
    raises. Raises LauncherHung if there is no rank left."""
    start = time.monotonic()
    with subprocess.Popen(command(ranks, arguments), cwd=folder, env=environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace",
                          start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=limit_s)
        except BaseException as error:
            is_alone = ranks > 1 and not ranks_of(process.pid)
            end(process)
            if is_alone and isinstance(error, subprocess.TimeoutExpired):
                raise LauncherHung("the launcher hangs, all ranks have ended") from error
            raise
    return Result(process.returncode, output, own_lines(errors), time.monotonic() - start)


def end(process):
    """Asks the launcher first, because only the launcher knows its ranks. They are in groups of
    their own."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signal_number)
            process.communicate(timeout=10)
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


class TestCase(unittest.TestCase):
    """A test with its own folder, which is the working folder of the runs."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tidemark-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        """Writes a file into the test's folder; `text` may be bytes."""
        data = text if isinstance(text, bytes) else text.encode()
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(data)
        return name
