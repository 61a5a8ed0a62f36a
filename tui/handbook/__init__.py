"""The handbook: what one looks up about recurrent networks, with what the library says of itself filled in.

``topics`` reads the texts in ``content/``, ``facts`` computes what stands in them, ``search`` finds places.
It knows nothing of terminals.
"""
