"""The backbones, numerically equal to Keras Applications."""
