"""Who takes part in a simulated market. How to add a strategy: docs/simulation.md."""
