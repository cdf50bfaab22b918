"""`make bench-statistics`: known answers met, and how often intervals hold what they say."""
