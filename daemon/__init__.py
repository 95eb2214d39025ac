"""Run it: configuration, state, the stages and the page."""
