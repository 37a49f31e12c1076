# SPDX-License-Identifier: BSD-3-Clause
"""Records for the tests of what reads them.

Some are real records of results/, which the tests change. Others are stored records of each version
and kind in tests/data.
"""
import copy
import json
import pathlib
import statistics

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAIN = "quickstart/records.jsonl"  # TP and TP+SP, with tides
OVERLAPPING = "overlap/two-nodes-1gbit.jsonl"  # TP+SP and TP, bulk and ring, on two hosts
EMULATED = "overlap/links.jsonl"


def real(name, index=0):
    """A record of a file under results/, of version 2."""
    return as_version_2(parsed(ROOT / "results" / name)[index])


def parsed(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def stored_path(version, name):
    """run.jsonl, plan.jsonl, two-nodes.jsonl (four runs: TP+SP and TP, bulk and ring)."""
    return ROOT / "tests" / "data" / f"version{version}" / name


def stored(version, name, index=0):
    """A record that the program of that version wrote."""
    return parsed(stored_path(version, name))[index]


UNKNOWN_VERSIONS = (0, 3, 99, "2", 1.0, True, None)  # what no reader accepts


def as_version_2(data):
    """The record as version 2 has it. One of version 1 gets a fifth run, which takes 98 % of
    `compute`, so that all figures of overlap differ from those of version 1."""
    if data["schema_version"] == 2:
        return data
    data = {**copy.deepcopy(data), "schema_version": 2}
    if data["kind"] == "run":
        add_merit(data)
        data["placement"] = {"problems": [], "problem_count": 0}
        add_steadiness(data["time"])
        add_fifth_run(data["time"], data["overlap"])
    return data


def add_merit(data):
    """model_tflops_per_s in addition to tokens_per_s, with an interval of 2 % to both sides."""
    step = data["time"]["step_ms"]["median"]
    rate = None
    if data["fom"]["tokens_per_s"] is not None:
        rate = data["flops"]["model_per_step"] / step / 1e9
    data["fom"].update(model_tflops_per_s=rate,
                       model_tflops_per_s_ci=rate and [0.98 * rate, 1.02 * rate])


def add_steadiness(time):
    seconds = sum(time["step_ms"]["samples"]) / 1e3
    time.update(warmup_steps=2, warmup_seconds=0.1, measured_seconds=seconds, drift=0.01,
                drifting=False)


def add_fifth_run(time, overlap):
    old = {key: overlap.get(key) for key in ("efficiency", "efficiency_ci", "serial_exposed_ms")}
    kept = ("meaningful", "resolved", "exceeds_max", "void_because")
    overlap.update(schedule_efficiency=old["efficiency"], split_cost_ms=None,
                   serial_exposed_ms=None, **{key: overlap.get(key) for key in kept})
    time["compute_serial_ms"] = None
    if not time.get("compute_ms"):
        return
    runs = {name: time[f"{name}_ms"]["samples"] for name in ("step", "serial", "compute")}
    bare = [0.98 * value for value in runs["compute"]]
    time["compute_serial_ms"] = summary(*bare)
    hidden = statistics.median(b - a for a, b in zip(runs["step"], runs["serial"]))
    cost = statistics.median(b - c for b, c in zip(runs["serial"], bare))
    overlap.update(serial_exposed_ms=cost, split_cost_ms=statistics.median(
        a - b for a, b in zip(runs["compute"], bare)))
    if old["efficiency"] is not None:
        overlap.update(efficiency=hidden / cost, efficiency_ci=[
            end + hidden / cost - old["efficiency"] for end in old["efficiency_ci"]])


def changed(data, **values):
    """A copy with other values. Their keys have __ instead of dots."""
    data = copy.deepcopy(data)
    for key, value in values.items():
        *path, last = key.split("__")
        section = data
        for part in path:
            section = section[part]
        section[last] = value
    return data


def summary(*samples):
    """The values in the form of time.step_ms of a record."""
    middle = sorted(samples)[len(samples) // 2]
    return {"median": middle, "min": min(samples), "max": max(samples), "iterations": len(samples),
            "samples": list(samples)}


def with_step(data, *samples):
    """The record with an odd number of other steps, and with the values that follow from them."""
    step = summary(*samples)
    model, t = data["case"]["model"], data["case"]["parallel"]["tensor"]
    tokens = model["seq_length"] * model["micro_batch_size"]
    rate = data["flops"]["model_per_step"] / step["median"] / 1e9
    return changed(data, time__step_ms=step, fom__tokens_per_s=tokens / step["median"] * 1e3,
                   fom__model_tflops_per_s=rate,
                   fom__model_tflops_per_s_ci=[0.98 * rate, 1.02 * rate],
                   flops__gflops_per_rank=data["flops"]["model_per_step"] / t / step["median"]
                   / 1e6)


def on_ranks(data, t, hosts=1):
    """The record on t equal ranks, on `hosts` hosts."""
    detail = data["ranks_detail"][0]
    ranks = [{**detail, "rank": rank, "host": f"node{rank * hosts // t}"} for rank in range(t)]
    data = changed(data, case__parallel__tensor=t, ranks=t, ranks_detail=ranks)
    return with_step(data, *data["time"]["step_ms"]["samples"][:1])


def invalid(data, name="twin_output", value=0.25):
    """The record with a check that failed, and so without figure of merit."""
    data = changed(data, valid=False, fom__tokens_per_s=None, verification__passed=False)
    for key in data["fom"]:
        data["fom"][key] = None
    for check in data["verification"]["checks"]:
        if check["name"] == name:
            check.update(value=value, passed=False)
    return data


def lines(*records):
    """The text of a file of records."""
    return "".join(json.dumps(one) + "\n" for one in records)
