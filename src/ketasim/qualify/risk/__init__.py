"""Risk: the safety layer held against the register's rows, and the fit of its sizes."""
