"""Read Part 10 files: `instance.read_header` gives the header as values, `part10` the file around it.

From below: `element_header` (PS3.5 7.1), `elements` (one after the other), `text` (character sets), `values`
(by keyword), `part10`: the one place that knows where file meta information ends, a data set begins, and how
far its pixel data reaches. No pixel is decoded here. pydicom reads nothing in the daemon but what
`dicom_io.network.store_scu` must write again in another encoding.
"""
