"""The market watch: the data index, statistics and surveillance, as pure functions of what has
happened.

It decides nothing. It reads two streams, each in the order of its one writer: matching's events on
`bids` and `listings`, put in order by their `sequence`, and settlement's on `grants`. No output
depends on both, so none depends on which of the two was read further.
"""
