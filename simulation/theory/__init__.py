"""What auction theory predicts, and experiments on the market's own rules that have to agree."""
