"""The worklist page: what ulna found, in the order it should be read. Nothing here changes anything.

``app`` puts it together, ``server`` runs it, ``guard`` stands before it. ``listing`` and ``detail`` are
pure: they turn what the store holds into what ``pages`` and ``api`` show, ``wording`` into words.
``pictures`` shows results, ``health`` answers probes.
"""
