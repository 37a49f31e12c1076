# SPDX-License-Identifier: BSD-3-Clause
"""Lets the benchmarks of this folder import the package `tidemark_tools`, which is in scripts/.

Python looks for modules in the folder of a command. Commands in scripts/ find the package without
help.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
