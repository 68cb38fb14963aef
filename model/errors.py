"""What model/ raises for its users."""

from __future__ import annotations


class ModelError(Exception):
    """Weights, data or a training file that cannot be used; the message is one line for the user."""
