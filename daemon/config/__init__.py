"""Hold the configuration: `configuration.load_config` reads it, `sections` says what each key may be.

`mistakes` tells all that is wrong at once, with what was meant.
"""
