"""The commands of ``ulna``: each module has ``configure(parser)`` and ``run(options) -> exit status``."""
