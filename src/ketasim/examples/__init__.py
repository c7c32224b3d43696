"""Examples that ship with the package: models, parameters, dosing and populations to copy from."""
