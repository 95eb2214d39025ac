"""Decode pixels: `decoder.Decoder` has it done in a process of its own and answers with a `view.View`.

`process` is that process; only what it imports touches bytes of strangers with a codec: `pixels` (the way of
an image from file to view), `stored_values`, `codecs`, `display` (what a viewer shows), `pictures`.
Who windows an image anew asks for its `stored_image.StoredImage`.
"""
