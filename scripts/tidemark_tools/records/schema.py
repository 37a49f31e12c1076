# SPDX-License-Identifier: BSD-3-Clause
"""The schema of the record: its keys by kind and version, and the values that they have.

docs/definitions/ says what the keys mean. The reader leaves out records that break this schema. It
accepts keys that the schema does not know. A test finds those that the program writes.
"""

from tidemark_tools.records.shapes import NUMERIC, Items, Mapping, Object, Scalar, Unread, or_null

# No figure is larger, and none but 0 is smaller. One beyond comes from a damaged file and cannot be
# drawn.
HUGE, TINY = 1e30, 1e-30

TEXT = Scalar("a text", frozenset((str,)))
FLAG = Scalar("true or false", frozenset((bool,)))
WHOLE = Scalar("a whole number from 0 on", frozenset((int,)), 0, 2**63 - 1)
COUNT = Scalar("a whole number from 1 on", frozenset((int,)), 1, 2**63 - 1)
ANY = Scalar("a number between -1e30 and 1e30", NUMERIC, -HUGE, HUGE)
SIZE = Scalar("a number from 0 to 1e30", NUMERIC, 0, HUGE)
POSITIVE = Scalar("a number above 0, up to 1e30", NUMERIC, TINY, HUGE)


def one_of(*texts):
    return Scalar(" or ".join(f'"{text}"' for text in texts), frozenset((str,)), accepted=texts)


def or_word(shape, word):
    """A number, or the word for a number that JSON cannot write."""
    words = f'{shape.words} or "{word}"'
    return Scalar(words, shape.types | {str}, shape.least, shape.most, (word,))


INTERVAL = or_null(Items(ANY))
RUN_TIMES = {"median": SIZE, "min": SIZE, "max": SIZE, "iterations": COUNT,
             "samples": Items(SIZE, 1)}
STEP_TIMES = {"median": POSITIVE, "min": POSITIVE, "max": POSITIVE, "iterations": COUNT,
              "samples": Items(POSITIVE, 1)}
TIMES = or_null(Object(RUN_TIMES))

CASE = {
    "name": TEXT, "precision": TEXT, "products?": TEXT, "recompute": TEXT,
    "model": Object({
        "preset?": TEXT, "family?": TEXT, "num_layers": COUNT, "hidden_size": COUNT,
        "ffn_hidden_size": COUNT, "num_attention_heads": COUNT, "num_query_groups?": COUNT,
        "rope_theta?": SIZE, "seq_length": COUNT, "micro_batch_size": COUNT, "vocab_size": WHOLE,
        "hidden_dropout?": SIZE, "attention_dropout?": SIZE, "causal?": FLAG, "attention": TEXT}),
    "parallel": Object({"tensor": COUNT, "sequence": FLAG, "keep_gathered": FLAG}),
    "overlap": Object({"mode": TEXT, "progress?": TEXT, "chunks?": WHOLE}),
    "comm?": Object({"backend?": TEXT, "algorithm?": TEXT, "messages?": TEXT,
                     "register_buffers?": FLAG}),
    "emulated_link?": Object({"latency_us": SIZE, "bandwidth_gbytes_per_s": SIZE}),
    "bench?": Object({
        "warmup?": WHOLE, "iterations?": WHOLE, "max_iterations?": WHOLE,
        "min_warmup_seconds?": SIZE, "min_seconds?": SIZE, "seed?": WHOLE, "verify?": FLAG,
        "timeout_s?": SIZE}),
}
VERIFICATION = {
    "performed": FLAG, "passed": or_null(FLAG),
    "checks": Items(Object({"name": TEXT, "value": or_word(SIZE, "infinite"), "bound": SIZE,
                            "passed": FLAG, "where": TEXT})),
}
MERIT_1 = {"tokens_per_s": or_null(POSITIVE)}
MERIT_2 = {**MERIT_1, "model_tflops_per_s": or_null(POSITIVE), "model_tflops_per_s_ci": INTERVAL}
TIME_1 = {"step_ms": Object(STEP_TIMES),
          **dict.fromkeys(("serial_ms", "compute_ms", "comm_ms"), TIMES),
          **dict.fromkeys(("forward_ms?", "backward_ms?"), TIMES)}
TIME_2 = {**TIME_1, "compute_serial_ms": TIMES, "warmup_steps?": WHOLE, "warmup_seconds?": SIZE,
          "measured_seconds?": SIZE, "drift?": or_null(ANY), "drifting?": or_null(FLAG)}
FLOPS = {
    "model_per_step": POSITIVE, "launched_per_rank?": SIZE, "gflops_per_rank": or_null(POSITIVE),
    "gemm_gflops_per_rank?": or_null(SIZE), "gemm_gflops_samples?": Unread(SIZE),
    "fraction_of_gemm": or_null(SIZE), "disturbed?": FLAG,
    "ceiling_gflops_per_rank?": or_null(POSITIVE),
    "mfu?": Object({"full": or_null(SIZE), "causal": or_null(SIZE)}),
    "hfu?": Object({"launched": or_null(SIZE)}),
}
LIBRARY_OF_PLAN = {"name": or_null(TEXT)}
LIBRARY = {"name": TEXT, "gflops_per_rank": or_null(Mapping(SIZE)),
           "scratch_bytes": or_null(WHOLE)}
TIDE = {"rank": WHOLE, "turn": WHOLE, "microseconds": Items(SIZE, 1),
        **dict.fromkeys(("saved", "recomputed", "transient", "workspace"), Items(WHOLE, 1))}
MEMORY = {
    "saved_bytes": or_null(WHOLE), "saved_bytes_per_layer": or_null(WHOLE),
    "formula_bytes_per_layer": WHOLE, "peak_bytes": or_null(WHOLE),
    "by_tensor": Items(Object({"name": TEXT, "bytes_per_layer": or_null(WHOLE),
                               "formula_bytes_per_layer": WHOLE, "in_formula": FLAG})),
    "ends?": Unread(Object({"name": TEXT, "bytes": or_null(WHOLE), "formula_bytes": WHOLE,
                           "in_formula": FLAG})),
    "at_peak?": Unread(Object({"name": TEXT, "layer": or_null(WHOLE), "class": TEXT,
                              "bytes": WHOLE})),
    "tide": or_null(Object(TIDE)),
    **{f"{name}_bytes?": or_null(WHOLE) for name in (
        "ends_saved", "ends_formula", "ends_closed_formula", "norm_statistics", "parameter",
        "gradient", "optimizer", "communication_buffer", "communication_library")},
    "closed_formula_bytes_per_layer?": or_null(WHOLE),
}
CALL = {"op": TEXT, "purpose": TEXT, "count": WHOLE, "bytes": WHOLE, "wire_bytes": WHOLE,
        "node_bytes?": or_null(WHOLE), "network_bytes?": or_null(WHOLE),
        "seconds": or_null(SIZE), "blocked_seconds": or_null(SIZE),
        "busbw_gbytes_per_s": or_null(SIZE)}
COMM = {
    "backend?": or_null(TEXT), "transport?": or_null(TEXT), "wire_bytes_per_step": WHOLE,
    "calls": Items(Object(CALL)), "registered_bytes?": or_null(WHOLE),
    "algorithms?": or_null(Unread(Object({
        "op": TEXT, "dtype": TEXT, "bytes": WHOLE, "overlapping": FLAG, "algorithm": TEXT,
        "seconds": Mapping(or_null(SIZE))}))),
    "pieces?": or_null(Object({
        "message_bytes": WHOLE, "piece_bytes": WHOLE, "whole_seconds": SIZE,
        "pieces_seconds": SIZE, "cuts": FLAG})),
}
# Both versions have these keys of overlap. Some of them mean something else in version 1.
OVERLAP_1 = {
    "mode": TEXT, "exposed_ms": or_null(ANY), "timeline_exposed_ms": or_null(ANY),
    "intersect_ms": or_null(ANY), "polling_ms?": or_null(ANY), "serial_exposed_ms?": or_null(ANY),
    "efficiency": or_null(ANY), "efficiency_ci": INTERVAL, "efficiency_max": or_null(ANY),
    "osu_percent?": or_null(ANY), "meaningful?": or_null(FLAG), "resolved?": or_null(FLAG),
    "exceeds_max?": or_null(FLAG), "void_because?": or_null(TEXT),
}
OVERLAP_2 = {**OVERLAP_1, "schedule_efficiency": or_null(ANY), "split_cost_ms": or_null(ANY)}
RANK = {
    "rank": WHOLE, "host": TEXT, "device?": TEXT, "device_uuid?": or_null(TEXT),
    "device_pci_id?": or_null(TEXT), "threads?": COUNT, "step_ms": SIZE, "busy_ms?": SIZE,
    "blocked_ms": SIZE, "gemm_gflops?": SIZE, "peak_bytes?": WHOLE,
    "process_bytes?": or_null(WHOLE),
    "cores?": TEXT, "physical_cores?": WHOLE, "numa_nodes?": Items(WHOLE),
    "thread_cores?": Items(TEXT), "core_limit?": or_null(SIZE), "device_numa_node?": or_null(WHOLE),
}
PLACEMENT = {"problems?": Items(TEXT), "problem_count?": WHOLE, "remarks?": Items(TEXT)}
PROVENANCE = {
    **{f"{name}?": TEXT for name in ("version", "git_hash", "compiler", "build_type", "flags",
                                     "blas", "processor")},
    "time_utc?": TEXT, "onednn?": or_null(TEXT), "mpi?": or_null(TEXT), "threads_per_rank?": COUNT,
    "kokkos?": Object({"version?": TEXT, "execution_space?": TEXT,
                       "configuration?": or_null(Items(TEXT))}),
    "transport?": or_null(Object({
        "messaging?": TEXT, "components?": Items(TEXT), "within_node?": or_null(TEXT),
        "between_nodes?": or_null(TEXT), "known_by?": TEXT})),
    "hosts?": Items(Object({"host?": TEXT, "ranks?": COUNT})),
    "slurm?": or_null(Mapping(or_null(TEXT))), "environment?": Mapping(TEXT),
    "command_line?": Items(TEXT),
    "input?": Object({"file?": TEXT, "fnv1a_64?": TEXT}),
}
OF_BOTH_KINDS = {
    "schema_version": COUNT, "case": Object(CASE), "case_index": WHOLE, "case_fnv1a_64?": TEXT,
    "ranks": COUNT, "provenance": Object(PROVENANCE),
}
PLAN = {
    **OF_BOTH_KINDS, "kind": one_of("plan"), "valid": Scalar("null", frozenset((type(None),))),
    "flops?": Object({"model_per_step?": SIZE, "launched_per_rank?": SIZE}),
    "product_library?": Object(LIBRARY_OF_PLAN),
    "memory": Object({
        **MEMORY, "pool_bytes?": or_null(WHOLE), "process_bytes?": or_null(WHOLE),
        "total_bytes?": WHOLE, "device_bytes?": or_null(WHOLE), "fits?": or_null(FLAG)}),
    "comm": Object({**COMM, "emulated?": or_null(FLAG)}),
}
RUN = {
    **OF_BOTH_KINDS, "kind": one_of("run"), "valid": or_null(FLAG),
    "test?": or_null(Object({"slow_rank?": WHOLE, "share?": SIZE})),
    "verification": Object(VERIFICATION), "loss?": or_null(or_word(ANY, "not finite")),
    "flops": Object(FLOPS), "ranks_detail": Items(Object(RANK), 1),
    "product_library?": Object(LIBRARY),
    "memory": Object({**MEMORY, "pool_bytes": or_null(WHOLE), "process_bytes": or_null(WHOLE)}),
    "comm": Object({**COMM, "emulated?": FLAG}),
}
# By kind and version of the record.
SCHEMAS = {
    ("plan", 1): Object(PLAN), ("plan", 2): Object(PLAN),
    ("run", 1): Object({**RUN, "fom": Object(MERIT_1), "time": Object(TIME_1),
                        "overlap": Object(OVERLAP_1)}),
    ("run", 2): Object({**RUN, "fom": Object(MERIT_2), "time": Object(TIME_2),
                        "overlap": Object(OVERLAP_2), "placement?": or_null(Object(PLACEMENT))}),
}
KIND = one_of("run", "plan")
