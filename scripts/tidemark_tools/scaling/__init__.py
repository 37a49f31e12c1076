"""Points, runs and summary of scripts/scaling-study."""
