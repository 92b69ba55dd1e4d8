"""Pure numpy, no nouns of ours: hulls, bootstrap, calibration, betting."""
