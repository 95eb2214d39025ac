"""The content items that refer to instances.

This module names an instance as an image or, without pixels, as another composite object.
"""

from highdicom.sr import CompositeContentItem, ImageContentItem, RelationshipTypeValues
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code


def instance_item(name: Code, source: Dataset) -> ImageContentItem | CompositeContentItem:
    """Return the contained item that refers to the instance of a header."""
    item_type = ImageContentItem if "Rows" in source else CompositeContentItem
    # An instance is known by its UID, also by one that breaks PS3.5 9.1.
    with disable_value_validation():
        return item_type(
            name,
            str(source["SOPClassUID"].value),
            str(source["SOPInstanceUID"].value),
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
