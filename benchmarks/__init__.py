"""Measurements, as ratios of one run on one machine; nothing here is part of the product."""
