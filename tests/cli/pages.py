# SPDX-License-Identifier: BSD-3-Clause
"""Reads a page as a program would: its structure, its tables, and what is wrong with it."""
import collections
import html.parser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
LOADING = {"src", "srcset", "data", "poster", "action", "background"}


class Cell:
    """A cell of a table: its words, the exact numbers behind them, its style and classes."""

    def __init__(self, attributes):
        self.text, self.numbers = "", []
        self.style, self.kinds = attributes.get("style", ""), attributes.get("class", "").split()

    @property
    def number(self):
        """The only number of the cell; None unless it has exactly one."""
        return self.numbers[0] if len(self.numbers) == 1 else None


Table = collections.namedtuple("Table", "section caption heads rows")


class Page(html.parser.HTMLParser):
    """`tables`, `ids`, `links`, `figures` (name -> words for readers who cannot see), `text` by
    section (that above the sections is "head"), and `faults`."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tables, self.ids, self.links, self.faults, self.tags = [], [], [], [], []
        self.figures, self.captions = {}, []
        self.text = collections.defaultdict(str)
        self.open, self.section, self.figure, self.cell = [], "head", None, None
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> never ends" for tag in self.open]

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.look_at(tag, attributes)
        if tag == "section":
            self.section = attributes["id"]
        elif tag == "table":
            self.tables.append(Table(self.section, [], [], []))
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in ("td", "th"):
            self.cell = Cell(attributes)
            (self.tables[-1].heads if "thead" in self.open else self.tables[-1].rows[-1]).append(
                self.cell)
        elif tag == "data" and self.cell:
            self.cell.numbers.append(float(attributes["value"]))

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.look_at(tag, dict(attrs))

    def look_at(self, tag, attributes):
        for name, value in attributes.items():
            if name == "id":
                self.ids.append(value)
            elif name in ("href", "xlink:href"):
                self.links.append(value)
            elif name in LOADING:
                self.faults.append(f"<{tag} {name}> loads {value}")
        if tag == "figure":
            self.figure = attributes["id"].removeprefix("figure-")
        elif tag == "svg":
            self.figures[self.figure] = (attributes.get("role"), attributes.get("aria-label"))

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} within {self.open[-3:]}")
        else:
            self.open.pop()
        if tag in ("td", "th"):
            self.cell = None
        elif tag == "section":
            self.section = "foot"
        elif tag == "thead":
            self.tables[-1].rows.clear()  # the row of the heads

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text[self.section] += data
        if self.cell is not None:
            self.cell.text += data
        elif "caption" in self.open:
            self.tables[-1].caption.append(data)
        elif "figcaption" in self.open:
            self.captions.append(data)

    def tables_of(self, section):
        return [table for table in self.tables if table.section == section]


def by_first_cell(table):
    """Rows of a table by the words of their first cell: heading -> Cell, headings with their units,
    as in "step ms"."""
    heads = [head.text for head in table.heads]
    return {row[0].text: dict(zip(heads, row)) for row in table.rows if len(row) == len(heads)}
