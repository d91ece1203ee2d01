"""Tracks, encoders and decoders over PyAV (the only importer of it)."""
