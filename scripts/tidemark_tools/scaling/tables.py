# SPDX-License-Identifier: BSD-3-Clause
"""The summary of a study as text."""

from tidemark_tools.records.collectives import collective_rows
from tidemark_tools.scaling import summary

MEBIBYTE = 2**20
HEADER = (f"{'mode':<12} {'t':>4} {'nodes':>5} {'step ms':>10} {'quartiles':>19} {'TFLOP/s':>9} "
          f"{'tokens/s':>10} {'work':>6} {'speed-up':>8} {'effic.':>7} {'blocked':>7} {'busbw':>8} "
          f"{'E':>6} {'schedule':>8} {'split ms':>8} {'peak MiB':>9} {'saved MiB':>9}")


def number(value, width, digits, scale=1.0):
    return f"{'-' if value is None else f'{value * scale:.{digits}f}':>{width}}"


def old(version):
    """The words after a title of records of version 1."""
    return " (record version 1: what it calls E stands under schedule)" if version == 1 else ""


def line_of(row, mark):
    head = f"{row.mode:<12} {row.t:>4} {row.nodes:>5}"
    if not row.valid:
        return f"{head} {'not verified' if row.valid is None else 'INVALID':>10}"
    return " ".join([
        head, number(row.step_ms, 10, 2), f"{'{:.2f}..{:.2f}'.format(*row.quartiles_ms):>19}",
        number(row.model_tflops_per_s, 9, 3), number(row.tokens_per_s, 10, 1),
        number(row.work_per_rank, 6, 3), number(row.speedup, 8, 2), number(row.efficiency, 7, 3),
        number(row.blocked_share, 7, 3), number(row.busbw_gbytes_per_s, 8, 3),
        number(row.overlap_efficiency, 6, 2), number(row.schedule_efficiency, 8, 2),
        number(row.split_cost_ms, 8, 2), number(row.peak_bytes, 9, 2, 1 / MEBIBYTE),
        number(row.saved_bytes, 9, 2, 1 / MEBIBYTE)]) + mark


def scaling_lines(rows, is_crowded):
    """A table per kind. `is_crowded(row)`: its ranks had fewer cores than threads."""
    lines = []
    crowded = False
    for kind, version in dict.fromkeys((row.kind, row.version) for row in rows):
        lines += [f"{kind.capitalize()} scaling{old(version)}", HEADER]
        for row in (row for row in rows if (row.kind, row.version) == (kind, version)):
            crowded |= is_crowded(row)
            crowd, link = " *" if is_crowded(row) else "", "  EMULATED" if row.emulated else ""
            lines.append(line_of(row, crowd + link))
        lines.append("")
    if crowded:
        lines += ["* more threads than cores: right or wrong, memory and traffic mean something "
                  "here; times do not", ""]
    return lines


def boundary_lines(rows):
    """The lines that say where steps take longer across the boundary between nodes."""
    crossings, widenings = summary.crossings(rows), summary.widenings(rows)
    lines = []
    if crossings:
        lines += ["The boundary between nodes: the same ranks on one node and on several",
                  f"{'kind':<7} {'mode':<12} {'t':>4} {'nodes':>5} {'one ms':>10} {'several':>10} "
                  f"{'ratio':>6} {'busbw one':>9} {'several':>8} {'ratio':>6}"]
        for crossing in crossings:
            row = crossing.across
            lines.append(" ".join([
                f"{row.kind:<7} {row.mode:<12} {row.t:>4} {row.nodes:>5}",
                number(crossing.within.step_ms, 10, 2), number(row.step_ms, 10, 2),
                number(crossing.ratio, 6, 2), number(crossing.within.busbw_gbytes_per_s, 9, 3),
                number(row.busbw_gbytes_per_s, 8, 3), number(crossing.busbw_ratio, 6, 2)]))
        for (kind, sequence, overlap, version), sizes in summary.bites(rows).items():
            old_words = ", record version 1" if version == 1 else ""
            said = f"bites at t {', '.join(map(str, sizes))}" if sizes else "does not bite"
            lines.append(f"  {kind}, {'TP+SP' if sequence else 'TP'} {overlap}{old_words}: {said}")
        lines.append("")
    if widenings:
        lines.append("Over the boundary with more ranks than one node ran")
        for widening in widenings:
            row = widening.across
            lines.append(f"  {row.kind}, {row.mode}: t {row.t} on {row.nodes} nodes has "
                         f"{widening.gain:.2f} times the tokens/s of t {widening.within.t} on one")
        lines.append("")
    return lines


def message_lines(folder):
    """Bus bandwidth of the fastest algorithm of each placement by message size."""
    tables = {}
    for path in folder.glob("collectives-*.txt"):
        t, nodes = (int(word[1:]) for word in path.stem.split("-")[1:])
        tables[nodes, t] = collective_rows(path.read_text(encoding="utf-8"))
    if not tables:
        return []
    places = sorted(tables)
    lines = ["Bus bandwidth by message size, GB/s, fastest algorithm",
             f"{'operation':<15} {'bytes':>12} "
             + " ".join(f"{f't {t} n {nodes}':>12}" for nodes, t in places)]
    for operation, factor in (("all_reduce", 2), ("all_gather", 1), ("reduce_scatter", 1)):
        sizes = sorted({size for rows in tables.values() for key, times in rows.items()
                        if key[0] == operation for size in times})
        for size in sizes:
            words = []
            for nodes, t in places:
                seconds = min((times[size] for key, times in tables[nodes, t].items()
                               if key[0] == operation and size in times), default=None)
                rate = seconds and factor * (t - 1) / t * size / seconds * 1e-9
                words.append(number(rate, 12, 3))
            lines.append(f"{operation:<15} {size:>12} {' '.join(words)}")
    return [*lines, ""]
