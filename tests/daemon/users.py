"""What only root can try: to be somebody else, and to give files away."""

import os

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

# Root reads everything, unless it gives up the right to: words to put before a command.
WITHOUT_ROOTS_RIGHTS = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)
