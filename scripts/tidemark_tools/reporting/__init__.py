"""The page of scripts/report and the table of scripts/compare."""
