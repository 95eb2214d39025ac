"""Draw what readers see: `view_page` composes the page of a view, `overlay` and `outlines` draw on it.

`words` says what stands beside the picture, `text_lines` sets it. Nothing here imports torch.
"""
