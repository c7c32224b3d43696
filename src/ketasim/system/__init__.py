"""The whole system: layers bound by their ports, drugs and routes, and the result of a run."""
