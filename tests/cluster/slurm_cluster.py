# SPDX-License-Identifier: BSD-3-Clause
"""A real Slurm for a test: Debian's slurmctld and two slurmd.

Each node has a network namespace and a host name of its own. The Slurm has a temporary folder, a
configuration and a munged of its own.

    with SlurmCluster() as cluster:
        cluster.run("sinfo")

raises Unavailable where the machine or the user cannot have one. At the end, also by a signal that
raises, it cancels jobs, ends the daemons by their ids, and removes namespaces and folder.
"""
import ctypes
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOOLS = {"slurmctld": "slurm-wlm", "slurmd": "slurm-wlm", "sbatch": "slurm-wlm", "munged": "munge",
         "ip": "iproute2", "unshare": "util-linux"}
CPUS = 2  # of a node, independent of the machine
LIMIT_CHECK, LIMIT_CHECK_S = "Testing job time limits", 30  # in the log of slurmctld, and how often
START_S = 60
STOP_S = 30
# Debian's slurmd needs the plugin for control groups, but not the groups. Nodes in namespaces have
# none. TmpFS differs by node, because both nodes have PMIx's folder of a step there.
CONFIGURATION = """\
ClusterName=tidemark
SlurmctldHost={nodes[0]}({addresses[0]})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
TmpFS={folder}/tmp-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmctldDebug=debug2
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin={task_plugin}
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
OverTimeLimit=0
KillWait=15
NodeName={nodes[0]} NodeAddr={addresses[0]} CPUs={cpus} State=UNKNOWN
NodeName={nodes[1]} NodeAddr={addresses[1]} CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP
"""
# A job or an MPI around the test must not affect the cluster.
FOREIGN = re.compile(r"^(SLURM|SBATCH|SRUN|PMIX?|OMPI|PRTE|OMP)_")
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """This machine or user cannot have the cluster; the text says why."""


class Broken(Exception):
    """Something did not start. Has the last line of each daemon."""


def end_with_parent():
    """Ends the daemons when a test is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def set_up(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or f"status {done.returncode}").splitlines()[0]
        raise Unavailable(f"'{' '.join(command)}' says: {said}")


class SlurmCluster:
    """Two nodes, `nodes`; clients run on the first. `folder` is visible to both. task/affinity
    binds, task/none does not."""

    def __init__(self, task_plugin="task/affinity"):
        self.task_plugin = task_plugin
        number = os.getpid()
        self.nodes = [f"tidemark-{number}-{letter}" for letter in "ab"]
        self.addresses = [f"10.{number >> 8 & 255}.{number & 255}.{i}" for i in (1, 2)]
        self.link = f"tm{number}"
        self.folder = None
        self.daemons = []  # in the order of their start
        self.environment = {key: value for key, value in os.environ.items()
                            if not FOREIGN.match(key)}

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *unused):
        self.stop()

    def start(self):
        """`stop` must be called at the end, even if this raises."""
        if os.geteuid() != 0:
            raise Unavailable("only root makes network namespaces")
        for tool, package in TOOLS.items():
            if shutil.which(tool) is None:
                raise Unavailable(f"{tool} is missing (Debian: {package})")
        # The path is short, because the names of sockets in it may have no more than about 100
        # characters.
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix=f"tidemark-slurm-{os.getpid()}-", dir="/tmp"))
        self.folder.chmod(0o755)
        of_nodes = (f"{kind}-{node}" for kind in ("spool", "tmp") for node in self.nodes)
        for name in ("munge", "state", *of_nodes):
            (self.folder / name).mkdir()
        self.environment["SLURM_CONF"] = str(self.folder / "slurm.conf")
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            nodes=self.nodes, addresses=self.addresses, folder=self.folder, cpus=CPUS,
            task_plugin=self.task_plugin), encoding="utf-8")
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n", encoding="utf-8")
        self.make_network()
        self.start_munge()
        self.daemon(self.on(self.nodes[0], "slurmctld", "-D"), "slurmctld")
        for node in self.nodes:
            self.daemon(self.on(node, "slurmd", "-D", "-N", node), node)
        self.wait(lambda: self.idle_nodes() == 2, START_S, "two idle nodes")

    def make_network(self):
        for node in self.nodes:
            set_up("ip", "netns", "add", node)
            # A container may allow making a namespace but not entering it.
            set_up("ip", "netns", "exec", node, "true")
        # The link is made inside, so that it is never among the links of the machine.
        set_up("ip", "-n", self.nodes[0], "link", "add", self.link, "type", "veth", "peer", "name",
               self.link, "netns", self.nodes[1])
        for node, address in zip(self.nodes, self.addresses):
            set_up("ip", "-n", node, "address", "add", f"{address}/30", "dev", self.link)
            set_up("ip", "-n", node, "link", "set", "lo", "up")
            set_up("ip", "-n", node, "link", "set", self.link, "up")

    def start_munge(self):
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        (self.folder / "munge").chmod(0o755)  # clients of all users use its socket
        names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log",
                 "seed-file": "seed"}
        files = [f"--{option}={self.folder}/munge/{name}" for option, name in names.items()]
        self.daemon(["munged", "--foreground", *files], "munged")
        try:
            self.wait((self.folder / "munge" / "socket").exists, START_S, "munged")
        except Broken as error:
            raise Unavailable(f"munge is not possible: {error}") from error

    def on(self, node, *command):
        """The command line that runs a command on a node, under its host name."""
        return ["ip", "netns", "exec", node, "unshare", "--uts", "sh", "-c",
                'hostname "$0" && exec "$@"', node, *map(str, command)]

    def daemon(self, command, name):
        """Starts a process that stays. Its output goes to a file of the folder."""
        with open(self.folder / f"{name}.out", "w", encoding="utf-8") as output:
            self.daemons.append(
                subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL,
                                 stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                                 preexec_fn=end_with_parent))

    def run(self, *command, cwd=None, check=True, **variables):
        """The output of a client's command that a user runs on the first node."""
        return subprocess.run(self.on(self.nodes[0], *command), cwd=cwd,
                              env={**self.environment, **variables}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=check, timeout=STOP_S * 20)

    def idle_nodes(self):
        said = self.run("sinfo", "--noheader", "--Node", "--format=%t", check=False)
        return said.stdout.split().count("idle")

    def await_limit_check(self, before_s):
        """Waits until so many seconds before slurmctld looks at time limits again."""
        log = self.folder / "slurmctld.log"

        def looks():
            return log.read_text(encoding="utf-8", errors="replace").count(LIMIT_CHECK)

        seen = looks()
        self.wait(lambda: looks() > seen, 2 * LIMIT_CHECK_S, "look at time limits")
        time.sleep(LIMIT_CHECK_S - before_s)

    def wait(self, condition, limit_s, what):
        end = time.monotonic() + limit_s
        while not condition():
            for process in self.daemons:
                if process.poll() is not None:
                    raise Broken(f"a daemon ended with {process.returncode}: {self.last_words()}")
            if time.monotonic() > end:
                raise Broken(f"no {what} after {limit_s} s: {self.last_words()}")
            time.sleep(0.1)

    def last_words(self):
        files = sorted([*self.folder.glob("*.out"), self.folder / "munge" / "log"])
        lines = [path.read_text(encoding="utf-8", errors="replace").splitlines()
                 for path in files if path.exists()]
        return " | ".join(text[-1] for text in lines if text)

    def stop(self):
        """May be called at any stage of the start, and twice. A second signal does not stop it."""
        if self.folder is None:
            return
        before = {number: signal.signal(number, signal.SIG_IGN)
                  for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.end_all()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def end_all(self):
        """Removes jobs, daemons, namespaces and the folder."""
        if len(self.daemons) > 1:
            self.run("scancel", "--user=root", "--signal=KILL", check=False)
            self.run("scancel", "--user=root", check=False)
            end = time.monotonic() + STOP_S
            while (self.run("squeue", "--noheader", check=False).stdout.strip()
                   and time.monotonic() < end):
                time.sleep(0.1)
        for process in reversed(self.daemons):
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.daemons.clear()
        for node in self.nodes:
            # A namespace continues without a name while a process is in it. Steps end after slurmd.
            for pid in self.processes_of(node):
                os.kill(pid, signal.SIGKILL)
            subprocess.run(["ip", "-n", node, "link", "delete", self.link], capture_output=True,
                           check=False)
            subprocess.run(["ip", "netns", "delete", node], capture_output=True, check=False)
        shutil.rmtree(self.folder)
        self.folder = None

    def processes_of(self, node):
        said = subprocess.run(["ip", "netns", "pids", node], capture_output=True, text=True,
                              check=False)
        return [int(pid) for pid in said.stdout.split()]


def main():
    """Runs a command on the cluster's first node, in this folder: slurm_cluster.py COMMAND..."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
    try:
        with SlurmCluster() as cluster:
            return subprocess.run(cluster.on(cluster.nodes[0], *sys.argv[1:]),
                                  env=cluster.environment, check=False).returncode
    except Unavailable as error:
        print(f"no Slurm here: {error}", file=sys.stderr)
        return 77


if __name__ == "__main__":
    sys.exit(main())
