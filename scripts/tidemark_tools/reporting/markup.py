# SPDX-License-Identifier: BSD-3-Clause
"""HTML from Python values: elements, tables, and numbers with sensible digits."""

import dataclasses
import html

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
MIB = 2**20
SHORT = 16  # lines of a table that print does not cut


@dataclasses.dataclass
class Cell:
    """The content of a cell of a table, as HTML. `kind` is a class of the style sheet, "" for
    words."""

    shown: str
    kind: str = ""
    style: str = ""


def escaped(text):
    return html.escape(str(text), quote=True)


def element(name, content, **attributes):
    """An element around HTML. Attributes of None are left out, and class is written class_."""
    words = "".join(f' {key.rstrip("_").replace("_", "-")}="{escaped(value)}"'
                    for key, value in attributes.items() if value is not None)
    return f"<{name}{words}>{content}</{name}>"


def paragraph(text, **attributes):
    return element("p", escaped(text), **attributes)


def text_cell(text, kind=""):
    return Cell(escaped(text), kind)


def digits(value):
    """A number with four significant digits, and at most three after the point."""
    if value == 0:
        return "0"
    size = abs(value)
    if size < 0.001:
        return spaced(f"{value:.2e}")
    behind = 3 if size < 10 else 2 if size < 100 else 1 if size < 10000 else 0
    return spaced(f"{value:,.{behind}f}")


def spaced(text):
    """The text of a number with thin spaces between thousands and a true minus."""
    return text.replace(",", "\N{NARROW NO-BREAK SPACE}").replace("-", MINUS)


def shown_number(value, text):
    """A number as `text`, with its exact value for programs that read the page."""
    return element("data", escaped(text), value=repr(value))


def number_cell(value, to_text=digits, kind=""):
    """A number, or a dash where it is not known."""
    if value is None:
        return Cell(DASH, "number")
    return Cell(shown_number(value, to_text(value)), f"number {kind}".strip())


def mib_cell(value):
    """Bytes, shown in MiB."""
    return number_cell(value, lambda size: spaced(f"{size / MIB:,.2f}"))


def range_cell(low, high, to_text=None):
    """Two numbers with the digits that suit the larger one, unless `to_text` shows them."""
    if low is None or high is None:
        return Cell(DASH, "number")
    if to_text is None:
        behind = len(digits(high).partition(".")[2])
        to_text = digits if high >= 1000 else lambda value: spaced(f"{value:.{behind}f}")
    words = " to " if low < 0 else DASH
    return Cell(words.join(shown_number(value, to_text(value)) for value in (low, high)), "number")


def fixed(places):
    """A function that shows numbers with so many digits after the point."""
    return lambda value: spaced(f"{value:.{places}f}")


def row(cells, head=0):
    """A row. Its first `head` cells are its headings."""
    parts = []
    for i, cell in enumerate(cells):
        heading = i < head
        parts.append(element("th" if heading else "td", cell.shown, class_=cell.kind or None,
                             scope="row" if heading else None, style=cell.style or None))
    return element("tr", "".join(parts))


def table(caption, columns, groups, class_=None):
    """A table. `columns` are pairs (heading, unit or ""). `groups` are pairs (heading or None, rows
    of Cells). The first cell of each row is its heading. A heading is aligned as the cells of its
    column."""
    heads = []
    for (name, unit), below in zip(columns, groups[0][1][0]):
        words = escaped(name) + (f"<br>{element('small', escaped(unit))}" if unit else "")
        kind = "number" if below.kind.startswith("number") else None
        heads.append(element("th", words, scope="col", class_=kind))
    bodies = []
    lines_in = sum(len(rows) for _, rows in groups)
    for heading, rows in groups:
        lines = [row(cells, head=1) for cells in rows]
        if heading is not None:
            lines.insert(0, element("tr", element(
                "th", escaped(heading), scope="rowgroup", colspan=len(columns)), class_="group"))
        bodies.append(element("tbody", "\n".join(lines)))
    return element("div", element("table", element("caption", caption)
                                  + element("thead", element("tr", "".join(heads)))
                                  + "\n".join(bodies), class_=class_),
                   class_="wide short" if lines_in <= SHORT else "wide")


def left_out(shown, of, what):
    """A line that says how much is not shown; "" where all is."""
    if shown >= of:
        return ""
    return paragraph(f"Shown are the first {shown} of {of} {what}; {of - shown} are left out here.",
                     class_="left-out")
