"""Do the work: one module for each stage, whose `step()` does what is due and says whether it did.

Stages never call each other; each finds its work in the store.
"""
