"""Run it: configuration, state, the stages and the page.

The data's way through the modules of this room::

    receiver, watcher -> intake -> spool + store -> analyzer -> reporter -> sender
                                     housekeeping, web and commands look on

Exceptions (``daemon.errors``)::

    DaemonError
    +-- ConfigurationInvalid    the configuration cannot be used; lists every mistake
    +-- StageAlreadyRunning     another process holds this stage of this data directory
    +-- IllegalTransition       a (state, event) pair that the life cycle does not know
    +-- IntakeRefused           an instance is not taken; carries the answer to the sender
    +-- SchemaTooNew            the store was written by a newer ulna
    +-- UnknownStudy            a person named a study that the store does not hold
"""
