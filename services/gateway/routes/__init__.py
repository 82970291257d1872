"""The routes, one module per noun. Who may call each stands in `services.gateway.access`."""
