"""One BUNDLE group as one sans-I/O core: gathering, connectivity, DTLS, SCTP and data channels over one path."""
