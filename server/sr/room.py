"""What the application holds for super-resolution while it runs."""

from dataclasses import dataclass

from starlette.requests import Request

from catalog.constants import COLLECTION_MODELS
from server.access.caller import hidden_of
from server.sr.models import ModelShelf
from server.sr.multiframe import Fusions
from server.sr.settings import SuperResolutionSettings
from server.sr.store import SuperResolvedItems
from superres.model import Model


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


def model_of(request: Request, model_id: str | None) -> Model:
    """Return the model that a caller names, or the one that is taken where they name none.

    Raises:
        UnknownModelError: there is none of this id, or none for this caller.
    """
    return room_of(request).shelf.get(model_id, only_own=_sees_no_models(request))


def kept_model_of(request: Request, model_id: str | None) -> Model | None:
    """Return the same where it is at hand, without waiting for anything."""
    named_in_vain = model_id is not None and _sees_no_models(request)
    return None if named_in_vain else room_of(request).shelf.kept(model_id)


def _sees_no_models(request: Request) -> bool:
    return COLLECTION_MODELS in hidden_of(request)
