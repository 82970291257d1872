"""The reference: what goes over the wire, written down from the code itself."""
