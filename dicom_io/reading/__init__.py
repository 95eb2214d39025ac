"""Read Part 10 files: `instance.read_header` gives the header as values, `part10` the file around it.

From below: `element_header` (PS3.5 7.1), `elements` (one after the other), `text` (character sets), `values`
(by keyword). No pixel is decoded here.
"""
