"""Measurements that are kept out of the tests: accuracy of the engine, and ketasim beside other simulators."""
