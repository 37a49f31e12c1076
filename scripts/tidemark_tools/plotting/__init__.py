# SPDX-License-Identifier: BSD-3-Clause
"""Figures of records and traces, for scripts/plot and scripts/report."""
