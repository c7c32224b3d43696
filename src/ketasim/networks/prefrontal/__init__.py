"""Spiking prefrontal microcircuit (Brian2): 800 pyramidal, 120 PV and 80 SST cells; NMDA block in, rates and rhythms out."""

from __future__ import annotations

from ketasim.networks.prefrontal.run import Recording, onset, record, simulate, summary

__all__ = ["Recording", "onset", "record", "simulate", "summary"]
