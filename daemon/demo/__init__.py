"""The demonstration: sample radiographs, a small PACS, and the real daemon between them.

``studies`` makes DICOM studies of the samples, ``pacs`` files what it gets, ``run`` plays the day.
"""
