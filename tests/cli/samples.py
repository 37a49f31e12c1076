"""Records for the tests of what reads them: real ones of results/, changed by the tests."""
import copy
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAIN = "quickstart/records.jsonl"  # TP and TP+SP, with tides
OVERLAPPING = "overlap/two-nodes-1gbit.jsonl"  # TP+SP and TP, bulk and ring, on two hosts
EMULATED = "overlap/links.jsonl"


def real(name, index=0):
    """A record of a file under results/."""
    lines = (ROOT / "results" / name).read_text(encoding="utf-8").splitlines()
    return json.loads(lines[index])


def changed(data, **values):
    """A copy with other values, by their keys with __ for the dots."""
    data = copy.deepcopy(data)
    for key, value in values.items():
        *path, last = key.split("__")
        section = data
        for part in path:
            section = section[part]
        section[last] = value
    return data


def summary(*samples):
    """As time.step_ms and others of a record."""
    middle = sorted(samples)[len(samples) // 2]
    return {"median": middle, "min": min(samples), "max": max(samples), "iterations": len(samples),
            "samples": list(samples)}


def with_step(data, *samples):
    """The record with an odd number of other steps, and what follows from them."""
    step = summary(*samples)
    model, t = data["case"]["model"], data["case"]["parallel"]["tensor"]
    tokens = model["seq_length"] * model["micro_batch_size"]
    return changed(data, time__step_ms=step, fom__tokens_per_s=tokens / step["median"] * 1e3,
                   flops__gflops_per_rank=data["flops"]["model_per_step"] / t / step["median"]
                   / 1e6)


def on_ranks(data, t, hosts=1):
    """The record on t ranks, which are all alike, on so many hosts."""
    detail = data["ranks_detail"][0]
    ranks = [{**detail, "rank": rank, "host": f"node{rank * hosts // t}"} for rank in range(t)]
    data = changed(data, case__parallel__tensor=t, ranks=t, ranks_detail=ranks)
    return with_step(data, *data["time"]["step_ms"]["samples"][:1])


def invalid(data, name="twin_output", value=0.25):
    """The record with a check that failed, and so without figure of merit."""
    data = changed(data, valid=False, fom__tokens_per_s=None, verification__passed=False)
    for check in data["verification"]["checks"]:
        if check["name"] == name:
            check.update(value=value, passed=False)
    return data


def lines(*records):
    """The text of a file of records."""
    return "".join(json.dumps(one) + "\n" for one in records)
