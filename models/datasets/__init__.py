"""Reads labeled radiographs from disk, for training and evaluation.

A data set is a tuple of samples; each reader turns one layout into them and refuses what it does not know.
"""
