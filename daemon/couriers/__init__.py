"""Carry results to their destinations: one module for each way out."""
