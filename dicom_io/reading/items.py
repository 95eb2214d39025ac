"""What a reading of elements keeps: raw values and items by tag, and where it stopped."""

from dataclasses import dataclass, field

from dicom_io.reading.element_header import ElementHeader

MAX_ITEMS = 100
"""Items of one wanted sequence that are kept."""


@dataclass(slots=True)
class Item:
    """The wanted elements of one data set: raw values and the items of sequences, by tag."""

    values: dict[int, bytes] = field(default_factory=dict)
    sequences: dict[int, list["Item"]] = field(default_factory=dict)

    def new_item(self, tag: int) -> "Item | None":
        """Append an item to a sequence and return it; None if the sequence has enough of them."""
        items = self.sequences.setdefault(tag, [])
        if len(items) == MAX_ITEMS:
            return None
        items.append(Item())
        return items[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The element before whose value the reading ended; `position` is where its header starts."""

    header: ElementHeader
    position: int

    @property
    def value_position(self) -> int:
        """Where its value starts."""
        return self.position + self.header.size
