"""Free text: `q` on searches, counts and samples, in the words that pgSTAC looks for.

pgSTAC hands most of `q` to PostgreSQL's `to_tsquery`, which takes an apostrophe, a colon or a letter with an accent for
a mistake of grammar. Here every text becomes quoted phrases and operators, which it can always read.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import attr
from fastapi import Query
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer
from stac_fastapi.extensions.free_text import FreeTextConformanceClasses
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.search import APIRequest

from server.errors import InvalidSearchError

MAX_LENGTH = 500
"""Characters of `q`."""
MAX_TERMS = 20
"""Words and phrases of `q`."""

WORDS = (
    "Words to look for in titles, descriptions and keywords, whatever their endings: names of places "
    "(`Landcover-8379`), sources (`UNHCR`), classes of land use (`Tree cover`). Words beside each other are a phrase; "
    "commas, or OR, separate alternatives; AND joins; `+word` demands and `-word` excludes; quotes make a phrase of "
    "anything."
)
_TOKENS = re.compile(r'(?P<sign>(?<!\S)[+-])?(?:"(?P<phrase>[^"]*)"|(?P<comma>,)|(?P<word>[^\s,"]+))')
_PLAIN = re.compile(r"[^\w.@-]+")


def read_words(value: Any) -> list[str] | None:
    """Return `q` as alternatives that pgSTAC can read; what it returned before stays as it is.

    Args:
        value: a text, or several that are alternatives.

    Raises:
        InvalidSearchError: it is no text, is too long, or holds no word.
    """
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidSearchError("q is a text, or a list of texts, to look for.")
    if sum(map(len, texts)) > MAX_LENGTH:
        raise InvalidSearchError(f"q has {sum(map(len, texts))} characters, of {MAX_LENGTH} at most.")
    alternatives = [alternative for text in texts for alternative in _alternatives(text)]
    if not alternatives:
        raise InvalidSearchError(f"q holds no word to look for: {', '.join(texts)[:50]!r}.")
    if sum(alternative.count('"') for alternative in alternatives) > 2 * MAX_TERMS:
        raise InvalidSearchError(f"q has more than {MAX_TERMS} words or phrases; words beside each other are one.")
    return alternatives


def _alternatives(text: str) -> Iterator[str]:
    """Yield the parts of a text that commas and OR separate, each as phrases that AND joins."""
    terms: list[tuple[str, list[str]]] = []
    open_phrase = False
    for token in _TOKENS.finditer(text):
        if token["comma"] or token["word"] == "OR":
            yield from _joined(terms)
            terms, open_phrase = [], False
            continue
        plain = _PLAIN.sub(" ", token["phrase"] if token["phrase"] is not None else token["word"]).strip(" .-@")
        if token["word"] == "AND" or not any(map(str.isalnum, plain)):
            open_phrase = open_phrase and token["word"] != "AND"
        elif open_phrase and token["word"] and not token["sign"]:
            terms[-1][1].append(plain)
        else:
            terms.append(("-" if token["sign"] == "-" else "", [plain]))
            open_phrase = bool(token["word"]) and not token["sign"]
    yield from _joined(terms)


def _joined(terms: list[tuple[str, list[str]]]) -> Iterator[str]:
    if terms:
        yield " AND ".join(f'{sign}"{" ".join(words)}"' for sign, words in terms)


@attr.s
class FreeTextGetRequest(APIRequest):
    """`q` of a URL."""

    q: Annotated[str | None, Query(description=WORDS)] = attr.ib(default=None)


class FreeTextPostRequest(BaseModel):
    """`q` of a body."""

    q: Annotated[
        list[str] | None,
        BeforeValidator(read_words),
        PlainSerializer(" OR ".join, return_type=str, when_used="json-unless-none"),
    ] = Field(None, description=WORDS)


@attr.s
class FreeTextExtension(ApiExtension):
    """The free-text extension (basic) of items; collections have pgSTAC's own."""

    GET = FreeTextGetRequest
    POST = FreeTextPostRequest

    conformance_classes: list[str] = attr.ib(factory=lambda: [FreeTextConformanceClasses.SEARCH])

    def register(self, app: Any) -> None:
        """Add nothing: it is a parameter of routes that others add."""


def create_freetext(conformance: FreeTextConformanceClasses) -> FreeTextExtension:
    """Return the extension of one kind of route."""
    return FreeTextExtension(conformance_classes=[conformance])
