# SPDX-License-Identifier: BSD-3-Clause
"""Provenance: once what all records share, and value by value what differs."""

from tidemark_tools.reporting.markup import (element, left_out, number_cell, paragraph, table,
                                             text_cell)
from tidemark_tools.reporting.page import Section

MOST_VALUES, MOST_LETTERS = 8, 400
# These naturally differ from run to run. Only their range or number is shown.
TIME, COMMAND = "time_utc", "command_line"


def cut(text):
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}\N{HORIZONTAL ELLIPSIS}"


def shared_table(provenance, total):
    """The keys that all records have with one value."""
    shared = {key: value for key, values in provenance.items() if key != TIME
              for value in values if len(values) == 1 and values[value].count == total}
    lines = [[text_cell(key), text_cell(cut(value))] for key, value in shared.items()]
    return table("The same in all records.", (("Key", ""), ("value", "")), [(None, lines)],
                 class_="words") if lines else ""


def differing_table(provenance, total):
    groups = []
    for key, values in provenance.items():
        count = sum(one.count for one in values.values())
        if key in (TIME, COMMAND) or (len(values) == 1 and count == total):
            continue
        lines = [[text_cell(cut(value)), number_cell(one.count, str), text_cell(one.place)]
                 for value, one in list(values.items())[:MOST_VALUES]]
        if len(values) > MOST_VALUES:
            lines.append([text_cell(f"and {len(values) - MOST_VALUES} other values"),
                          text_cell(""), text_cell("")])
        if count < total:
            lines.append([text_cell("not said"), number_cell(total - count, str), text_cell("")])
        groups.append((key, lines))
    if not groups:
        return paragraph("The records differ in nothing else.") if total > 1 else ""
    columns = (("Value", ""), ("records", ""), ("first at", ""))
    return element("h3", "Differences") + table("Keys in which records differ.", columns, groups,
                                                class_="words")


def when(provenance):
    times = sorted(provenance.get(TIME, {}))
    return f"{times[0]} to {times[-1]}" if len(times) > 1 else "".join(times)


def command_table(provenance):
    commands = provenance.get(COMMAND, {})
    if len(commands) < 2:
        return ""
    lines = [[text_cell(cut(value)), number_cell(one.count, str), text_cell(one.place)]
             for value, one in list(commands.items())[:MOST_VALUES]]
    columns = (("Command line", ""), ("records", ""), ("first at", ""))
    return table("Command lines.", columns, [(None, lines)], class_="words") + left_out(
        len(lines), len(commands), "command lines")


def provenance(collection):
    total = collection.records
    found = collection.provenance
    lines = [[text_cell(file.label), text_cell(file.path), number_cell(file.records, str)]
             for file in collection.files]
    files = table("Files.", (("File", ""), ("path", ""), ("records", "")), [(None, lines)],
                  class_="words")
    time = paragraph(f"Recorded {when(found)}.") if when(found) else ""
    return Section("provenance", "Provenance", time + files + shared_table(found, total)
                   + differing_table(found, total) + command_table(found))
