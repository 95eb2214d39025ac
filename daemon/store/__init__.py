"""The store: who, what and when of every study, in SQLite or PostgreSQL. All SQL is in this room.

``tables`` holds the schema, ``database`` opens it; each public function of the other modules is one
transaction, named by the fact that it records or reads:

``instances`` takes instances in, ``views`` serves the analyzer, ``studies`` the reporter,
``deliveries`` the sender, ``stages`` the health of the processes,
``retention`` the end of all data.

People read ``listing``, the worklist, page by page at a cost that hardly grows with its length, and
``worklist``, one study in full. ``tallies`` counts, ``dead_letters`` knows what needs a person, ``refusals``
what was not taken.
"""
