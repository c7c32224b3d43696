"""Solve a flat model: the linear part exactly, the rest by a stiff-safe scheme, on one mesh for all subjects."""
