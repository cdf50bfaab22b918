"""Tables on the network, all on drawn cells: architectures, speed, ceiling, unseen conditions."""
