"""Decide about studies, purely: `lifecycle` is the table of states, `closing` says when a study closes."""
