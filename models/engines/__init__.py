"""Engines: each takes views through a bundle's members on one device, arrays in and arrays out.

The door is `registry.open_engine`. What an engine is stands in `engine`. Each has a module of its own, the
only one that imports the library it computes with, and a line in `registry.ENGINES`; tests hold every engine
there to the same facts. What the numbers mean (calibration, votes, the check of the input) is decided above,
in `models.ensemble`, for all engines alike.
"""
