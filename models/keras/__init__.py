"""Read what Keras trained, without Keras: `importing` makes a bundle, `pretrained` begins a training.

`file` reads Keras' HDF5, `weights` fits its layers to the networks.
"""
