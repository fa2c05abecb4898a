"""What the fleet says of itself: metrics, logs, dashboards, alerts."""
