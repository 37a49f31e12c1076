"""Figures of records and traces, for scripts/plot and scripts/report."""
