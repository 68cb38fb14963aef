"""What the detector decides with, live and over a stored past alike: the budget, and the model that counted."""

from __future__ import annotations

from stream.detector.confusion import corrections, revision, shipped
from stream.detector.engine import Desk
from stream.settings import Settings


def desk_of(settings: Settings) -> Desk:
    """Return the desk of these settings; the model is that of the workers, if they have the same ones."""
    folder = shipped() if settings.model_path is None else settings.model_path
    return Desk(
        false_alarms_per_week=settings.false_alarms_per_week,
        invented=settings.demo,
        model_revision=revision(folder),
        corrections=corrections(folder) if settings.correct_labels else None,
    )
