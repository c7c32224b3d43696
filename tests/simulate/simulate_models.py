"""A user's own model, as text."""

ONE_COMPARTMENT = """
title = "one compartment"
states = { A = "mg" }
inputs = { R = "mg/h" }
params = { CL = "L/h", V = "L" }
[rate]
A = "R - CL*A/V"
[output]
C = { is = "A/V", unit = "mg/L" }
"""
