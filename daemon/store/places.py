"""This module keeps places as JSON: an object for each, its outline as a list of [row, column]."""

import json
from collections.abc import Iterable
from typing import Any

from models.places import Place


def place_values(place: Place) -> dict[str, Any]:
    """Return a place as JSON values; positions are [row, column] in pixels of the image as stored."""
    return {
        "outline": [list(point) for point in place.outline],
        "peak": place.peak,
        "peak_at": list(place.peak_at),
    }


def places_text(places: Iterable[Place]) -> str:
    """Return places as the store holds them."""
    return json.dumps([place_values(place) for place in places])


def places_of(text: str) -> tuple[Place, ...]:
    """Return the places that the store holds."""
    return tuple(
        Place(
            outline=tuple((row, column) for row, column in place["outline"]),
            peak=place["peak"],
            peak_at=(place["peak_at"][0], place["peak_at"][1]),
        )
        for place in json.loads(text)
    )
