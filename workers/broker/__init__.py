"""Dramatiq on RabbitMQ, as the fleet needs it: nothing lost, nothing acked that was not done."""

from .broker import FleetBroker

__all__ = ["FleetBroker"]
