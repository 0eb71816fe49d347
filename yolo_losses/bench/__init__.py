"""The benchmark: every loss on every installed array library, against a floor."""
