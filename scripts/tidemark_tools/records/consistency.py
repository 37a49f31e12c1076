# SPDX-License-Identifier: BSD-3-Clause
"""What the parts of a record must have in common, in addition to the types of the schema."""

from tidemark_tools.records.shapes import Fault

CLASSES = ("saved", "recomputed", "transient", "workspace")  # from the bottom of the stack
# The efficiency of each version, as a key of version 2, and the runs whose samples make it.
RUNS_OF = {1: ("schedule_efficiency", ("step", "serial", "compute")),
           2: ("efficiency", ("step", "serial", "compute_serial"))}


def check(data):
    """Raises Fault unless the parts of a record fit together. `data` has the words of version 2."""
    check_tensors(data["memory"])
    if data["memory"]["tide"] is not None:
        check_tide(data["memory"])
    if data["kind"] == "run":
        check_ranks(data)
        check_interval(data["fom"]["model_tflops_per_s_ci"], "fom.model_tflops_per_s_ci", "")
        check_efficiency(data["overlap"], data["schema_version"])
        check_tuples(data)


def check_tensors(memory):
    if len({tensor["name"] for tensor in memory["by_tensor"]}) == len(memory["by_tensor"]):
        return
    names = set()
    for i, tensor in enumerate(memory["by_tensor"]):
        if tensor["name"] in names:
            raise Fault(f"{tensor['name']} stands here twice", f"memory.by_tensor[{i}].name")
        names.add(tensor["name"])


def check_tide(memory):
    tide = memory["tide"]
    times = tide["microseconds"]
    for name in CLASSES:
        if len(tide[name]) != len(times):
            raise Fault(f"{len(tide[name])} values, but {len(times)} microseconds",
                        f"memory.tide.{name}")
    if sorted(times) != times:
        raise Fault("not all are numbers that never fall", "memory.tide.microseconds")
    if tide["turn"] >= len(times):
        raise Fault(f"{tide['turn']} is not one of {len(times)} samples", "memory.tide.turn")
    highest = max(map(sum, zip(*(tide[name] for name in CLASSES))))
    if memory["peak_bytes"] is not None and highest > memory["peak_bytes"]:
        raise Fault(f"rises to {highest} bytes, but memory.peak_bytes is {memory['peak_bytes']}",
                    "memory.tide")


def check_ranks(data):
    count = len(data["ranks_detail"])
    for key, said in (("ranks", data["ranks"]), ("case.parallel.tensor",
                                                 data["case"]["parallel"]["tensor"])):
        if said != count:
            raise Fault(f"{count} of them, but {key} is {said}", "ranks_detail")


def check_interval(value, path, words):
    if value is not None and (len(value) != 2 or value[0] > value[1]):
        raise Fault(f"not two numbers, of which the first is no larger{words}", path)


def check_efficiency(overlap, version):
    """Raises Fault unless the efficiency and its interval fit together."""
    prefix = "schedule_" if version == 1 else ""
    interval = overlap[f"{prefix}efficiency_ci"]
    check_interval(interval, "overlap.efficiency_ci", "")
    unknown = overlap[f"{prefix}efficiency"] is None or interval is None
    if overlap[f"{prefix}resolved"] and unknown:
        raise Fault("true without an efficiency and its interval", "overlap.resolved")


def check_tuples(data):
    """Raises Fault unless an efficiency has as many samples of each of its runs."""
    key, runs = RUNS_OF[data["schema_version"]]
    if data["overlap"][key] is None:
        return
    counts = {len(data["time"][f"{name}_ms"]["samples"]) if data["time"][f"{name}_ms"] else 0
              for name in runs}
    if len(counts) > 1 or 0 in counts:
        names = f"{', '.join(runs[:-1])} and {runs[-1]}"
        raise Fault(f"an efficiency, but not as many samples of {names}", "time")


def failed_check(checks):
    """The first check that failed, whatever it says of itself; None if all passed."""
    for check in checks:
        if not check["passed"] or type(check["value"]) is str or check["value"] > check["bound"]:
            return check
    return None


def doubt(data):
    """Why a record that does not call itself invalid is not to be trusted; None if it is. The check
    that failed is marked as failed."""
    if data["kind"] == "plan" or data["valid"] is False:
        return None
    said = "valid" if data["valid"] else "not verified"
    failed = failed_check(data["verification"]["checks"])
    if failed is not None:
        failed["passed"] = False
        return f"it says that it is {said}, but its check {failed['name']} failed"
    if data["valid"] and not data["verification"]["passed"]:
        return "it says that it is valid, but its verification did not pass"
    return None
