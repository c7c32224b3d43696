"""Dissociation: two rival read-outs held against the same published figures, and the fit of their sizes."""
