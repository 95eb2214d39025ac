"""Entry for ``python -m daemon``, the same as ``ulna``."""

import sys

from daemon.cli import main

sys.exit(main())
