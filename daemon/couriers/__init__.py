"""Couriers carry results to their destinations: one module for each kind of destination.

The door is `registry.courier_of`. What a courier is stands in `courier`. The sender claims, records and tries
again, and knows none of them: a further kind is a module here and a line in `registry.COURIERS`.
"""
