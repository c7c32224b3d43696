"""One file a simulator; each offers `Peer` (see base.py) and nothing else that the benchmark uses."""
