"""Say it: findings and their study become a Structured Report."""
