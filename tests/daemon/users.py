"""What only root can try: to be somebody else, and to give files away."""

import os

import pytest

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
