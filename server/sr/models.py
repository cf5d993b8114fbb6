"""The models that this server knows: the one it brings along, and those of the catalog."""

from collections.abc import Callable

from psycopg_pool import ConnectionPool

from catalog.constants import COLLECTION_MODELS
from catalog.objects import ObjectStore
from server.raster.cache import LoadingCache
from server.sr.errors import UnknownModelError
from superres.errors import ModelError
from superres.model import Model, default_model
from superres.registry import read_model
from superres.runtime import Runtime, open_runtime

MODEL_SECONDS = 60.0
"""How long it is believed that a name stands for a model, or for none."""
MAX_MODELS = 8
"""Most models kept in memory, with their networks."""
_SQL = "SELECT pgstac.get_item(%(item)s, %(collection)s)"


class ModelShelf:
    """Models by the ids of their items, and their networks, loaded when first asked for."""

    def __init__(
        self, pool: Callable[[], ConnectionPool], store: Callable[[], ObjectStore], default: str | None, threads: int
    ) -> None:
        """Create an empty shelf.

        Args:
            pool: gives the database once the application runs.
            store: gives the objects of the catalog once the application runs.
            default: id of the model that is taken where a caller names none; None for the one in the package.
            threads: of one inference; 0 for as many as there are cores.
        """
        self._pool = pool
        self._store = store
        self._default = default
        self._threads = threads
        self._models: LoadingCache[str, Model | None] = LoadingCache(MAX_MODELS, seconds=lambda _: MODEL_SECONDS)
        self._runtimes: LoadingCache[str, Runtime] = LoadingCache(MAX_MODELS)

    def get(self, model_id: str | None, *, only_own: bool = False) -> Model:
        """Return a model.

        Args:
            model_id: its id; None for the one that is taken where a caller names none.
            only_own: whether the models of the catalog do not exist for a caller who names one.

        Raises:
            UnknownModelError: there is none of this id, or its files are not what its item says.
        """
        name = model_id or self._default
        if name is None or name == default_model().id:
            return default_model()
        model = None if only_own and model_id else self._models.get(name, lambda: self._load(name))
        if model is None:
            raise UnknownModelError(
                f"There is no model {name!r} in the collection {COLLECTION_MODELS!r}; `{default_model().id}` always is."
            )
        return model

    def kept(self, model_id: str | None) -> Model | None:
        """Return a model where it is at hand, without waiting for anything."""
        name = model_id or self._default
        return default_model() if name is None or name == default_model().id else self._models.kept(name)

    def runtime(self, model: Model) -> Runtime:
        """Return the network of a model, ready to run.

        Raises:
            ModelError: it is not what its description says.
        """
        return self._runtimes.get(model.sha256, lambda: open_runtime(model, threads=self._threads or None))

    def _load(self, name: str) -> Model | None:
        with self._pool().connection() as connection:
            row = connection.execute(_SQL, {"item": name, "collection": COLLECTION_MODELS}).fetchone()
        if not row or not row[0]:
            return None
        try:
            return read_model(row[0], self._store())
        except ModelError as error:
            raise UnknownModelError(str(error)) from error
