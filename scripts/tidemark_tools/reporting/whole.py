# SPDX-License-Identifier: BSD-3-Clause
"""The whole report: the head above the sections, the sections, and the terms."""

from tidemark_tools.reporting import marks
from tidemark_tools.reporting.criteria import criteria
from tidemark_tools.reporting.gathering import gather
from tidemark_tools.reporting.markup import element, escaped, left_out
from tidemark_tools.reporting.memory import memory
from tidemark_tools.reporting.overlap import overlap
from tidemark_tools.reporting.page import Section, page
from tidemark_tools.reporting.provenance import provenance
from tidemark_tools.reporting.scaling import scaling
from tidemark_tools.reporting.sharding import sharding
from tidemark_tools.reporting.stragglers import stragglers
from tidemark_tools.reporting.summary import invalid, summary

MOST_WARNINGS = 20
TERMS = (
    ("t", "tensor-parallel size: ranks that share each layer; s, b, h, a, L, ffn, V: sequence "
          "length, micro-batch, hidden size, heads, layers, inner width of the MLP, vocabulary"),
    ("TP, TP+SP", "tensor parallelism; and sequence parallelism on top of it; keep: gathered "
                  "inputs are kept instead of fetched again"),
    ("step", "forward and backward of one micro-batch; each iteration counts as long as its "
             "slowest rank's"),
    ("model TFLOP/s", "operations of the model in a step, of all ranks, over the median step, in "
                      "10^12 a second: the figure of merit. Only of runs that verified themselves, "
                      "that are valid, and whose link exists; records of version 1 lack it"),
    ("tokens/s", "s b / step, of the same runs; only of one model may it be compared"),
    ("E", "(serial - step) / (serial - compute serial): the share of the cost of communication "
          "that the schedule made go away"),
    ("schedule efficiency", "1 - (step - compute) / (serial - compute), which leaves out what the "
                            "schedule itself costs; what records of version 1 call E"),
    ("of product rate", "GFLOP/s of the step over the rate of its largest matrix product, measured "
                        "between the steps"),
    ("wire", "bytes that a rank must send in a step for activations and their gradients, by "
             "formula"),
    ("MiB", "2^20 bytes"),
)


def count_words(collection):
    """The number of records of each kind, and of cases."""
    records = [record for case in collection.cases for record in case.records]
    valid = [record.data["valid"] for record in records if not record.is_plan]
    counts = ((sum(1 for one in valid if one is True), "valid"),
              (sum(1 for one in valid if one is False), "INVALID"),
              (sum(1 for one in valid if one is None), "not verified"),
              (len(records) - len(valid), "of plans"))
    words = ", ".join(f"{count} {word}" for count, word in counts if count)
    cases = len(collection.cases)
    return (f"{len(records)} record{'s' * (len(records) != 1)} ({words}) of {cases} "
            f"case{'s' * (cases != 1)}")


def notice(title, lines, kind):
    shown = "".join(element("li", escaped(line)) for line in lines[:MOST_WARNINGS])
    return element("div", element("strong", escaped(title)) + element("ul", shown)
                   + left_out(min(len(lines), MOST_WARNINGS), len(lines), "lines"),
                   class_=f"notice {kind}".strip(), role="note")


def head(collection):
    """What a reader must know before any number."""
    parts = [element("p", escaped(f"{count_words(collection)}, from "
                                  f"{', '.join(file.label for file in collection.files)}."))]
    bad = [case for case in collection.cases if case.invalid]
    if bad:
        count = sum(len(case.invalid) for case in bad)
        title = (f"INVALID: {count} record{'s' * (count != 1)} failed a check; none of their "
                 "figures is used")
        parts.append(notice(title, [f"{case.label}, t {case.t}: {len(case.invalid)} of "
                                    f"{len(case.records)}" for case in bad], "bad"))
    if collection.warnings:
        parts.append(notice("Files that are not as they should be", collection.warnings, "bad"))
    for word, meaning in marks.MEANINGS.items():
        marked = [case for case in collection.cases if word in marks.of_case(case)]
        if marked:
            parts.append(notice(f"{word}: {meaning}",
                                [f"{case.label}, t {case.t}" for case in marked], ""))
    return "".join(parts)


def terms():
    items = "".join(element("dt", escaped(name)) + element("dd", escaped(words))
                    for name, words in TERMS)
    words = "In short; docs/definitions of Tidemark has every formula."
    return Section("terms", "Terms", element("p", escaped(words))
                   + element("dl", items, class_="terms"))


def report(options, remarks):
    """The page as text. Raises InputError. `options` are those of scripts/report. `remarks` are
    told what is wrong with the files."""
    collection = gather(options.records, remarks)
    sections = [summary(collection), invalid(collection), sharding(collection),
                memory(collection), overlap(collection, options.trace), scaling(collection),
                stragglers(collection),
                criteria(collection, options.executable, options.criteria),
                provenance(collection), terms()]
    return page(options.title, head(collection), sections)
