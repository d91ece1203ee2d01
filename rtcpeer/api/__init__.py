"""The public face: the names of the W3C's webrtc-pc and of ORTC, and nothing else."""
