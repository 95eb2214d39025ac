"""The worklist page: what ulna found, in the order it should be read. Nothing here changes anything.

``app`` puts it together, ``server`` runs it, ``guard`` stands before it. ``listing`` reads addresses, and
``detail`` turns what the store holds into what ``pages`` and ``api`` show, ``wording`` and ``judging`` into
words; all are pure. ``pictures`` and ``reports`` show results, ``why`` explains what was set aside, and
``stated`` is what the bundle says of itself. ``views`` gives a view to the viewer in ``static/viewer``: its
pixels by way of ``sources``, what was found by way of ``view_values``. ``health`` answers probes,
``attention`` says what needs a person, and ``metrics`` counts.
"""
