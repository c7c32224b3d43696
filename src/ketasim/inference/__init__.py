"""Estimation from published summaries: likelihood, posterior mode, posterior draws and the check that they are honest."""
