"""What is costly to build and depends on files alone, kept on disk between processes (`store.kept`).

Kept are parameter tables, the bound system, analysed structures and common units, each under a hash of all that it
depends on. The files are data: reading one runs no code that stands in it.
"""

from ketasim.kept.store import fingerprint, folder, kept

__all__ = ["fingerprint", "folder", "kept"]
