"""Rhythms of the EEG: the corticothalamic neural field of five regions, and a layer-5 slow oscillator in posteromedial cortex."""

from ketasim.networks.thalamocortical.simulate import record, simulate

__all__ = ["record", "simulate"]
