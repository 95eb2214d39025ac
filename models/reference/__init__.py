"""Tell how a view compares with the training data: `reference.Reference` asks, `drift.InputCheck` answers.

`fitting` and `samples` make a reference, `file` keeps it; `normal`, `discriminant` and `tones` are what it is
computed with.
"""
