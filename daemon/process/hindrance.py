"""This module tells what hinders a stage and passes: a full disk, a store that is away.

Neither says anything about the instance or the study at hand, so neither may count against it.
"""

import errno
import os

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

# Of the machine, not of one file.
_PASSING = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.EMFILE,
        errno.ENFILE,
        errno.EROFS,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)

# PostgreSQL's classes of errors: connection, resources (a full disk is 53100), intervention, system.
_PASSING_SQLSTATES = ("08", "53", "57", "58")


def hindrance(error: BaseException) -> str:
    """Return what hinders, as a clause without patient data; empty where the error is of another kind.

    >>> hindrance(OSError(errno.ENOSPC, "No space left on device"))
    'the disk is full (ENOSPC)'
    >>> hindrance(FileNotFoundError(errno.ENOENT, "No such file"))
    ''
    """
    if isinstance(error, OSError) and error.errno in _PASSING:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"the disk is full ({errno.errorcode[error.errno]})"
        return f"the machine refuses: {os.strerror(error.errno)} ({errno.errorcode[error.errno]})"
    if isinstance(error, DBAPIError) and _passes(error):
        return f"the store cannot be used now ({type(error.orig).__name__})"
    return ""


def _passes(error: DBAPIError) -> bool:
    """Return whether the database refuses everybody; SQLite says "disk is full" with an OperationalError."""
    return isinstance(error, OperationalError | InterfaceError) or _sqlstate(error.orig).startswith(
        _PASSING_SQLSTATES
    )


def _sqlstate(error: BaseException | None) -> str:
    """Return the code of PostgreSQL's error, which pg8000 keeps among its fields; empty without one."""
    fields = next(iter(error.args), None) if error is not None else None
    return str(fields.get("C", "")) if isinstance(fields, dict) else ""
