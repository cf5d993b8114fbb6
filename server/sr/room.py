"""What the application holds for super-resolution while it runs."""

from dataclasses import dataclass

from starlette.requests import Request

from server.sr.models import ModelShelf
from server.sr.multiframe import Fusions
from server.sr.settings import SuperResolutionSettings
from server.sr.store import SuperResolvedItems


@dataclass(frozen=True)
class SuperResolution:
    """The models, the finished items and the settings."""

    settings: SuperResolutionSettings
    """What the operator decided."""
    shelf: ModelShelf
    """Models by id."""
    items: SuperResolvedItems
    """Finished items."""
    fusions: Fusions
    """What makes one image of several revisits."""


def room_of(request: Request) -> SuperResolution:
    """Return what `add_superresolution` put on the application."""
    room: SuperResolution = request.app.state.superresolution
    return room
