"""This module lists the kinds of results. Nobody beyond it knows them one by one."""

from daemon.pipeline.kinds.kind import Kind
from daemon.pipeline.kinds.secondary_capture import SECONDARY_CAPTURE
from daemon.pipeline.kinds.structured_report import STRUCTURED_REPORT

KINDS: tuple[Kind, ...] = (SECONDARY_CAPTURE, STRUCTURED_REPORT)
"""In the order in which their results are built and sent."""
