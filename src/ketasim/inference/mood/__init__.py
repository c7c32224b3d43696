"""Calibration of what is slow: plasticity, mood, control response and added treatments, on the published summaries of trials."""
