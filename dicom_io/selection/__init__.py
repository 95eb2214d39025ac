"""Decide which instances are read, and what they show: `eligibility.assess`, `explanation.explain`.

`statements` holds what each part of a header says; `regions`, `laterality`, `projection` and `age` decide
from that. Words and codes stand in `vocabulary.toml`, a site's own beside them, and nowhere in code.
"""
