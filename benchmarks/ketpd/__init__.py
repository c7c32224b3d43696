"""One fixed problem (ketpd), solved by ketasim and by other simulators in the same run: `make bench`."""
