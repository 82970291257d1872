"""Catalogues in the DCAT-US 1.1 form: reading, mapping to catalogue entries, and back."""
