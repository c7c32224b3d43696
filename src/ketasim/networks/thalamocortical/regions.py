"""The regions of the corticothalamic model."""

from __future__ import annotations

NAME = "thalamocortical"
SCALP = ("frontal", "parietal", "occipital")
CORTEX = (*SCALP, "posteromedial")
REGIONS = (*CORTEX, "hippocampal")
