# SPDX-License-Identifier: BSD-3-Clause
"""The versions of the record that are read, and how version 1 is put into the words of version 2.

Version 1 calls `overlap.efficiency` what version 2 calls `overlap.schedule_efficiency`. The reader
gives the words of version 2 alone. E of a record of version 1 is not known. What that record says
of the schedule has names of its own.
"""

import json

OLDEST, NEWEST = 1, 2
# Keys of version 1 that mean something else in version 2, and their names there.
RENAMED = {"efficiency": "schedule_efficiency", "efficiency_ci": "schedule_efficiency_ci",
           "efficiency_max": "schedule_efficiency_max", "resolved": "schedule_resolved",
           "exceeds_max": "schedule_exceeds_max",
           "serial_exposed_ms": "schedule_serial_exposed_ms"}
# Keys that only version 2 has: section -> names.
ADDED = {"overlap": ("split_cost_ms",), "time": ("compute_serial_ms",),
         "fom": ("model_tflops_per_s", "model_tflops_per_s_ci")}
# Keys that the first records of a version lack, and the values that they would have.
DEFAULTS = {"case.emulated_link": {"latency_us": 0.0, "bandwidth_gbytes_per_s": 0.0},
            "comm.emulated": False, "overlap.meaningful": None, "overlap.resolved": None,
            "overlap.exceeds_max": None, "overlap.void_because": None}


def objection(data):
    """Why `data` is no record of a version that is read, in the words of `tidemark check`; or
    None."""
    if not isinstance(data, dict) or "schema_version" not in data or "kind" not in data:
        return "is no record: it has no schema_version and kind"
    version = data["schema_version"]
    if type(version) is int and OLDEST <= version <= NEWEST:  # JSON's true is not a number
        return None
    return (f"has schema_version {json.dumps(version)[:40]}, and only {OLDEST} and {NEWEST} are "
            "read")


def in_words_of_2(data):
    """A record that keeps its schema, with the keys of version 2. What version 1 does not know is
    None. Changes `data`."""
    for key, value in DEFAULTS.items():
        section, _, name = key.partition(".")
        if section in data:
            data[section].setdefault(name, value)
    if data["schema_version"] == NEWEST or data["kind"] != "run":
        return data
    overlap = data["overlap"]
    for old, new in RENAMED.items():
        overlap[new] = overlap.get(old)
        overlap[old] = None
    overlap.pop("osu_percent", None)  # not clamped in version 1, and no figure has it
    for section, names in ADDED.items():
        data[section].update(dict.fromkeys(names))
    return data
