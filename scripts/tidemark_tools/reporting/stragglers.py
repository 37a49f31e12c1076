# SPDX-License-Identifier: BSD-3-Clause
"""Stragglers: which rank, on which host, is busy longest while the others wait."""

import statistics

from tidemark_tools.reporting import marks
from tidemark_tools.reporting.markup import (Cell, element, escaped, fixed, left_out, number_cell,
                                             table, text_cell)
from tidemark_tools.reporting.page import Section

MOST_COLUMNS, MOST_LINES, MOST_TABLES, MOST_HOSTS = 20, 24, 4, 20
FULL = 0.3  # distance of a ratio from 1 at which its colour is full
SLOW, QUICK = (240, 150, 90), (130, 190, 235)  # light enough for dark text
INTRODUCTION = (
    "Collectives make all ranks' steps equally long: who is slow is seen by who does not wait. A "
    "rank is <em>busy</em> for the part of its step in which it is not blocked in communication. "
    "Shown is busy time over the median of the case's ranks, of an even number the lower one of "
    "the middle: 1.20 is a fifth more. Orange is slow, blue quick, full at 30&nbsp;%.")


def busy_ms(rank):
    """The recorded time. Older records lack the key, but have the times that make it."""
    return rank.get("busy_ms", rank["step_ms"] - rank["blocked_ms"])


def busy_times(record):
    """(host, rank, busy time over the lower median of all ranks) of each rank; [] where ranks are
    idle."""
    ranks = record.data["ranks_detail"]
    middle = statistics.median_low(map(busy_ms, ranks)) if ranks else 0
    if middle <= 0:
        return []
    return [(rank["host"], rank["rank"], busy_ms(rank) / middle) for rank in ranks]


def colour(ratio):
    """The colour of a ratio: white at 1, and another colour on either side."""
    share = min(abs(ratio - 1) / FULL, 1)
    end = SLOW if ratio > 1 else QUICK
    mixed = [round(255 + (channel - 255) * share) for channel in end]
    return f"background:rgb({mixed[0]},{mixed[1]},{mixed[2]})"


def columns_of(times):
    """Column heading -> the ratio in it. A column is a rank, or the slowest rank of each host where
    there are too many ranks. Where there are too many hosts, it is one of the slowest."""
    if len(times) <= MOST_COLUMNS:
        return {(host, f"rank {rank}"): ratio for host, rank, ratio in times}
    hosts = {}
    for host, _, ratio in times:
        hosts[host] = max(hosts.get(host, 0), ratio)
    slowest = sorted(hosts, key=lambda host: -hosts[host])[:MOST_COLUMNS]
    return {(host, "slowest rank"): hosts[host] for host in hosts if host in slowest}


def heat_maps(cases):
    """Column headings -> (case, its times, ratios by column) of the cases that have them."""
    maps = {}
    for case in cases:
        times = busy_times(case.last)
        if len(times) > 1:
            columns = columns_of(times)
            maps.setdefault(tuple(columns), []).append((case, times, columns))
    return maps


def heat_line(case, title, times, columns):
    host, rank, ratio = max(times, key=lambda one: one[2])
    cells = [Cell(shown.shown, "", colour(value))
             for value in columns.values()
             for shown in [number_cell(value, fixed(2))]]
    words = f"{escaped(f'{title}{case.label}')} {marks.html(case)}".strip()
    return [Cell(words), *cells, Cell(escaped(f"rank {rank} on {host}, {ratio:.2f}"))]


def heat_table(headings, found, collection):
    names = dict.fromkeys(collection.problems, "")
    if len(names) > 1:
        names = {problem: f"{cases[0].records[0].case['name']}: "
                 for problem, cases in collection.problems.items()}
    lines = [heat_line(case, names[case.problem], times, columns)
             for case, times, columns in found[:MOST_LINES]]
    columns = (("Case", ""), *headings, ("slowest", "rank, host, ratio"))
    return (table("Busy time of ranks over their median, of the last valid record of each case.",
                  columns, [(None, lines)], class_="heat")
            + left_out(len(lines), len(found), "cases"))


def host_table(cases):
    """Each host over all valid records, and how slow its slowest rank was."""
    hosts = {}
    for case in cases:
        for record in case.sound:
            slowest = {}
            for host, rank, ratio in busy_times(record):
                slowest[host] = max(slowest.get(host, (0, 0)), (ratio, rank))
            if len(record.data["ranks_detail"]) > 1:
                for host, (ratio, rank) in slowest.items():
                    hosts.setdefault(host, []).append((ratio, rank, record.place))
    if len(hosts) < 2 and all(len(found) < 2 for found in hosts.values()):
        return ""
    order = sorted(hosts, key=lambda host: -statistics.median(one[0] for one in hosts[host]))
    lines = []
    for host in order[:MOST_HOSTS]:
        ratio, rank, place = max(hosts[host])
        lines.append([text_cell(host), number_cell(len(hosts[host]), str),
                      number_cell(statistics.median(one[0] for one in hosts[host]), fixed(2)),
                      number_cell(ratio, fixed(2)), text_cell(f"rank {rank}, {place}")])
    caption = ("Hosts over all valid records of several ranks, slowest first: busy time of the "
               "host's slowest rank over the median rank of the record.")
    columns = (("Host", ""), ("records", ""), ("median", "ratio"), ("highest", "ratio"),
               ("highest at", ""))
    return element("h3", "Hosts") + table(caption, columns, [(None, lines)]) + left_out(
        len(lines), len(hosts), "hosts")


def stragglers(collection):
    cases = [case for case in collection.cases if not case.is_plan and case.last]
    maps = list(heat_maps(cases).items())
    if not maps:
        return Section("stragglers", "Stragglers", "")
    tables = "".join(heat_table(headings, found, collection)
                     for headings, found in maps[:MOST_TABLES])
    return Section("stragglers", "Stragglers", element("p", INTRODUCTION) + tables
                   + left_out(min(len(maps), MOST_TABLES), len(maps), "sets of ranks")
                   + host_table(cases))
