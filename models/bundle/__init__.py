"""Hold bundles: `loading.load_bundle` gives a checked ensemble, `manifest.read_identity` what it says it is.

`writing` makes new ones whole or not at all, `files` compares hashes without torch, `shipped` finds bundles
by name, `targets` says what members may have learned to find.
"""
