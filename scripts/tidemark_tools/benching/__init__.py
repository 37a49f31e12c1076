# SPDX-License-Identifier: BSD-3-Clause
"""Benchmarks of the executable: what those in scripts/dev share."""
