"""Speed benchmarks: ``python -m benchmarks [NAME...]``.

Everything is measured in CPU seconds, so that a busy machine disturbs little, and against a named
peer in the same process, the contenders taking turns. A peer that is not installed is skipped.
"""
