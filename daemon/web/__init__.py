"""The worklist page: what ulna found, in the order it should be read. Nothing here changes anything.

``app`` puts it together, ``server`` runs it, ``guard`` stands before it. ``listing`` reads addresses, and
``detail`` turns what the store holds into what ``pages`` and ``api`` show, ``wording`` into words; all three
are pure. ``pictures`` shows results, ``health`` answers probes, ``attention`` says what needs a person, and
``metrics`` counts.
"""
