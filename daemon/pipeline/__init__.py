"""Take a study from its files to its results, for the daemon and `ulna analyze` alike."""
