"""Decide about studies, purely: `lifecycle` is the table of states, `closing` and `priority` are rules."""
