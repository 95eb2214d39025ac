"""Think: networks, bundles, preprocessing, ensembles and activation maps."""
