"""The predictor: radiographs that a person drops on a page, judged at once and kept in memory alone.

``predictor.Predictor`` is the door: it keeps what was sent (``uploads``, ``kept``), has it analyzed in a
process of its own (``worker``, started and asked by ``link``), and forgets it. ``content`` tells what a file
is, ``study`` makes one study of the files. Nothing here touches the store, the spool or a disk.
"""
