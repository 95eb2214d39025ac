"""The store: who, what and when of every study, in SQLite or PostgreSQL. All SQL is in this room.

``tables`` holds the schema, ``database`` opens it; each public function of the other modules is one
transaction, named by the fact that it records or reads:

``instances`` takes instances in, ``views`` serves the analyzer, ``studies`` the reporter,
``deliveries`` the sender, ``worklist`` people, ``stages`` the health of the processes,
``retention`` the end of all data.
"""
