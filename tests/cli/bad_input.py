# SPDX-License-Identifier: BSD-3-Clause
"""Inputs that are wrong, and runs that must refuse them in one line."""
import harness

# An error must end all ranks at once; the rest of the limit is for starting MPI on a busy machine.
LIMIT_S = 20.0

GOOD = """\
name: tiny
model: {num_layers: 2, hidden_size: 64, num_attention_heads: 4, seq_length: 16}
bench: {warmup: 1, iterations: 2, max_iterations: 2}
"""


def model(**changes):
    """An input with some sizes changed, added, or left out (None). Each key has its own line, from
    line 2 on."""
    sizes = {"num_layers": 2, "hidden_size": 64, "num_attention_heads": 4, "seq_length": 16}
    sizes.update(changes)
    lines = [f"  {key}: {value}\n" for key, value in sizes.items() if value is not None]
    return "model:\n" + "".join(lines)


def recorded(record, key):
    """A setting of a record's case, by its dotted name."""
    value = record["case"]
    for part in key.split("."):
        value = value[part]
    return value


class BadInput(harness.TestCase):
    def refused(self, arguments, ranks=1, status=2):
        """Runs, checks the exit status and the time, and returns the one line of the error."""
        result = harness.run(arguments, self.folder, ranks=ranks, limit_s=LIMIT_S)
        self.assertEqual(result.status, status, result)
        self.assertEqual(len(result.errors), 1, result.errors)
        return result.errors[0]

    def refuses(self, text, expected, *options, ranks=1):
        """Expects that `tidemark run case.yaml OPTIONS` on the input `text` says exactly
        `expected`."""
        name = self.write("case.yaml", text)
        self.assertEqual(self.refused(["run", name, *options], ranks=ranks), expected)
