"""Measures how good a bundle is: figures, their intervals, operating points, calibration, localization.

Abnormal is the positive class in every function; labels are booleans, True = abnormal. The arithmetic modules
use numpy alone and never import torch. What is not defined, such as the precision of a model that flags
nothing, is None (NaN inside arrays), never 0.
"""
