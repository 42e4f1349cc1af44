"""What connectors of every CRM share. Each CRM's own rules are in `connectors/`."""
