#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""scripts/nodes: its link is as fast as it says and no faster, and nothing stays behind.

Exits with 77 and prints the reason if a test was skipped because the machine cannot make networks.
Environment: see tests/cli/harness.py.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "cli"))
import harness  # noqa: E402

SCRIPT = str(ROOT / "scripts" / "nodes")
LIMIT_S = 120
RATE_MBIT = 200
SENT_BYTES = 20_000_000
SMALL = ("model.hidden_size=64", "model.num_attention_heads=4", "model.seq_length=32",
         "bench.iterations=2")


def start(*arguments):
    return subprocess.Popen([SCRIPT, *arguments], cwd=ROOT, env=harness.environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True)


def finish(process):
    """Status, output and error lines of the process itself. A process that does not end is
    ended."""
    with process:
        try:
            output, errors = process.communicate(timeout=LIMIT_S)
        except BaseException:
            harness.end(process)
            raise
    return process.returncode, output, harness.own_lines(errors)


def run_or_skip(test, *arguments):
    """Status, output and errors of a run that must leave nothing behind. Skips `test` where the
    machine cannot make networks."""
    process = start(*arguments)
    status, output, errors = finish(process)
    if status == harness.SKIPPED:
        test.skipTest(errors[-1])
    test.assertEqual(left_of(process), [])
    return status, output, errors


def left_of(process):
    """Everything that has the process's id in its name: namespaces, links of this machine,
    temporary files."""
    pid = process.pid
    namespaces = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
    links = subprocess.run(["ip", "-oneline", "link"], check=True, capture_output=True, text=True)
    return ([line for line in namespaces.stdout.splitlines() if f"tidemark-{pid}-" in line]
            + [line for line in links.stdout.splitlines() if f"tm{pid}" in line]
            + [str(path) for path in pathlib.Path("/tmp").glob(f"nodes-{pid}-*")])


def transfer():
    """Runs on each rank. Rank 1 takes what rank 0 sends, and prints its Mbit/s."""
    rank = int(os.environ.get("OMPI_COMM_WORLD_RANK") or os.environ["PMI_RANK"])
    addresses = os.environ["NODES_ADDRESSES"].split(",")
    port = 5001  # nobody else is in the namespace
    if rank == 1:
        with socket.create_server((addresses[1], port)) as server:
            connection, sender = server.accept()
            with connection:
                if sender[0] != addresses[0]:
                    raise RuntimeError(f"{sender[0]} is not the address of rank 0")
                begin = time.monotonic()
                received = 0
                while data := connection.recv(1 << 20):
                    received += len(data)
                print(json.dumps({"bytes": received,
                                  "mbit": received * 8e-6 / (time.monotonic() - begin)}))
        return
    end = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection((addresses[1], port))
            break
        except ConnectionRefusedError:  # rank 1 is not there yet
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
    with connection:
        connection.sendall(bytes(SENT_BYTES))


class Usage(unittest.TestCase):
    def test_bad_usage_is_one_line_and_status_2(self):
        for arguments in ((), ("200mbit",), ("200mbit", "--"), ("200mbit", "true"),
                          ("fast", "--", "true"), ("0mbit", "--", "true"),
                          ("200mbit", "--latency"), ("200mbit", "--latency", "x", "--", "true"),
                          ("200mbit", "--ranks", "3", "--", "true"),
                          ("200mbit", "--ranks", "0", "--", "true"),
                          ("200mbit", "--nodes", "3", "--ranks", "4", "--", "true"),
                          ("200mbit", "--nodes", "5", "--", "true"),
                          ("200mbit", "--nodes", "1", "--", "true"),
                          ("200mbit", "--stock"), ("200mbit", "--stack", "--", "true")):
            with self.subTest(arguments=arguments):
                process = start(*arguments)
                status, output, errors = finish(process)
                self.assertEqual((status, output, len(errors)), (2, "", 1), errors)
                self.assertIn("usage: scripts/nodes RATE", errors[0])
                self.assertNotIn("command not found", errors[0])


class Network(unittest.TestCase):
    def on_two_nodes(self, *command, rate=f"{RATE_MBIT}mbit"):
        return run_or_skip(self, rate, "--", *command)

    def test_the_link_is_limited_to_its_rate(self):
        status, output, errors = self.on_two_nodes(sys.executable, __file__, "--transfer")
        self.assertEqual(status, 0, errors)
        measured = json.loads(output)
        self.assertEqual(measured["bytes"], SENT_BYTES)
        self.assertGreater(measured["mbit"], 0.75 * RATE_MBIT)
        self.assertLess(measured["mbit"], 1.1 * RATE_MBIT)

    def test_the_ranks_are_on_two_nodes_by_name_and_by_network(self):
        status, output, errors = self.on_two_nodes(
            "sh", "-c", "echo $(hostname) $(readlink /proc/self/ns/net)")
        self.assertEqual(status, 0, errors)
        names, networks = zip(*(line.split() for line in output.splitlines()))
        self.assertEqual((len(set(names)), len(set(networks))), (2, 2), output)
        self.assertNotIn(os.readlink("/proc/self/ns/net"), networks)

    # What TCP has in the namespace of a rank, and the limit below which MPI does not ask.
    TUNED = "cat /proc/sys/net/ipv4/tcp_wmem; env | grep ^OMPI_MCA_btl_tcp_eager || true"

    def settings_of(self, *options, **environment):
        with mock.patch.dict(os.environ, environment):
            status, output, errors = run_or_skip(self, f"{RATE_MBIT}mbit", *options, "--", "sh",
                                                 "-c", self.TUNED)
        self.assertEqual(status, 0, errors)
        return sorted(line.split() for line in output.splitlines())

    def test_only_what_is_asked_for_is_tuned(self):
        clusters = ["4096", "8388608", "8388608"]
        self.assertEqual(self.settings_of(), [clusters] * 2)
        stock = self.settings_of("--stock")
        self.assertEqual(len(stock), 2)
        self.assertNotIn(clusters, stock)
        if not harness.launcher().startswith("open mpi"):
            return
        limited = self.settings_of(NODES_EAGER_BYTES="100000")
        self.assertEqual(limited, [clusters] * 2 + [["OMPI_MCA_btl_tcp_eager_limit=100000"]] * 2)

    def hosts_of(self, *options):
        """The hosts, by rank."""
        status, output, errors = run_or_skip(self, f"{RATE_MBIT}mbit", *options, "--", "sh", "-c",
                                             "echo ${OMPI_COMM_WORLD_RANK:-$PMI_RANK} $(hostname)")
        self.assertEqual(status, 0, errors)
        return [host for _, host in sorted(line.split() for line in output.splitlines())]

    def test_half_of_the_ranks_are_on_either_node(self):
        hosts = self.hosts_of("--ranks", "4")
        self.assertEqual(hosts, [hosts[0]] * 2 + [hosts[3]] * 2)
        self.assertNotEqual(hosts[0], hosts[3])

    def test_there_are_up_to_four_nodes(self):
        self.assertEqual(len(set(self.hosts_of("--nodes", "4"))), 4)
        self.assertEqual(len(set(self.hosts_of("--nodes", "3"))), 3)

    def test_a_link_may_have_latency(self):
        self.assertEqual(len(set(self.hosts_of("--latency", "1"))), 2)

    def test_the_exit_status_is_passed_on(self):
        self.assertEqual(self.on_two_nodes("true")[0], 0)
        self.assertEqual(self.on_two_nodes("sh", "-c", "exit 5")[0], 5)

    def end_in_mid_run(self, signal_number):
        process = start(f"{RATE_MBIT}mbit", "--", "sh", "-c", "echo begun; exec sleep 300")
        # The ranks run when both have printed a line. If there is no network, the output ends.
        begun = [process.stdout.readline() for _ in range(2)]
        if begun == ["begun\n"] * 2:
            self.assertEqual(len(left_of(process)), 4, "nodes, a switch and a folder")
            process.send_signal(signal_number)
        status, _, errors = finish(process)
        if status == harness.SKIPPED:
            self.skipTest(errors[-1])
        self.assertEqual(begun, ["begun\n"] * 2, errors)
        self.assertEqual(status, 128 + signal_number, errors)
        self.assertEqual(left_of(process), [])

    def test_nothing_is_left_after_sigterm(self):
        self.end_in_mid_run(signal.SIGTERM)

    def test_nothing_is_left_after_sigint(self):
        self.end_in_mid_run(signal.SIGINT)

    def test_a_run_of_tidemark_is_valid(self):
        with tempfile.TemporaryDirectory(prefix="tidemark-cluster-") as folder:
            results = pathlib.Path(folder, "results.jsonl")
            status, _, errors = self.on_two_nodes(
                os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"]), "run", "inputs/quickstart.yaml",
                "--output", str(results), *(word for key in SMALL for word in ("--set", key)))
            self.assertEqual((status, errors), (0, []))
            records = [json.loads(line)
                       for line in results.read_text(encoding="utf-8").splitlines()]
        self.assertEqual([record["valid"] for record in records], [True, True])


class Levels(unittest.TestCase):
    """What a record says of the bytes between nodes, against the counters of the interfaces."""

    OPTIONS = ("--ranks", "4")
    CASE = ("model.hidden_size=256", "model.num_attention_heads=4", "model.seq_length=256",
            "parallel.tensor=4", "bench.verify=false", "bench.warmup=1", "comm.messages=whole")
    # Each node prints what it has sent during the run.
    COUNTED = ("sent() { cat /sys/class/net/$NODES_LINK/statistics/tx_bytes; }; "
               "before=$(sent); \"$@\" || exit; sleep 1; "
               "[ ${OMPI_COMM_WORLD_LOCAL_RANK:-$MPI_LOCALRANKID} = 0 ] && "
               "echo sent $(($(sent) - before)) || true")

    def run_with(self, algorithm, iterations):
        """The records, and the bytes that each node has sent."""
        settings = (*self.CASE, f"comm.algorithm={algorithm}", f"bench.iterations={iterations}",
                    f"bench.max_iterations={iterations}")
        with tempfile.TemporaryDirectory(prefix="tidemark-cluster-") as folder:
            results = pathlib.Path(folder, "results.jsonl")
            status, output, errors = run_or_skip(
                self, "1gbit", *self.OPTIONS, "--", "sh", "-c", self.COUNTED, "sh",
                os.path.abspath(os.environ["TIDEMARK_EXECUTABLE"]), "run",
                "inputs/quickstart.yaml", "--output", str(results),
                *(word for key in settings for word in ("--set", key)))
            self.assertEqual((status, errors), (0, []))
            records = [json.loads(line)
                       for line in results.read_text(encoding="utf-8").splitlines()]
        sent = [int(line.split()[1]) for line in output.splitlines() if line.startswith("sent ")]
        self.assertEqual(len(sent), 2, output)
        return records, sent

    def planned(self, algorithm):
        """The same calls in plans."""
        with tempfile.TemporaryDirectory(prefix="tidemark-cluster-") as folder:
            plans = pathlib.Path(folder, "plans.jsonl")
            words = (word for key in (*self.CASE, f"comm.algorithm={algorithm}")
                     for word in ("--set", key))
            subprocess.run([os.environ["TIDEMARK_EXECUTABLE"], "plan", "inputs/quickstart.yaml",
                            "--ranks-per-node", "2", "--output", str(plans), *words], cwd=ROOT,
                           check=True, stdout=subprocess.DEVNULL, timeout=LIMIT_S)
            return [json.loads(line)["comm"]["calls"]
                    for line in plans.read_text(encoding="utf-8").splitlines()]

    def test_are_what_the_interfaces_count_and_what_the_plan_says(self):
        short, long = 2, 22
        for algorithm in ("pairwise", "ring", "hierarchical"):
            with self.subTest(algorithm=algorithm):
                _, begun = self.run_with(algorithm, short)
                records, sent = self.run_with(algorithm, long)
                told = 0
                for record, plan in zip(records, self.planned(algorithm)):
                    calls = record["comm"]["calls"]
                    self.assertEqual([call["network_bytes"] for call in calls],
                                     [call["network_bytes"] for call in plan])
                    for call in calls:
                        self.assertEqual(call["node_bytes"] + call["network_bytes"],
                                         call["wire_bytes"])
                        told += call["network_bytes"]
                # Two ranks of a node send in each of the steps that the longer run has more.
                expected = 2 * told * (long - short)
                for before, after in zip(begun, sent):
                    self.assertAlmostEqual((after - before) / expected, 1.0, delta=0.03)


if __name__ == "__main__":
    if sys.argv[1:] == ["--transfer"]:
        transfer()
    else:
        sys.exit(harness.main_that_may_skip())
