"""Training of the network that outlines cells, on drawn cells alone."""
